/* Draws figures with the page's Plotly, each into an element of its own that stays when the numbers change. */

const CONFIG = { displayModeBar: false, responsive: false, scrollZoom: false, doubleClick: false, showTips: false };
const WAIT_MS = 50; // between two looks for Plotly, which the page loads with its first chart

const ruler = document.createElement("canvas").getContext("2d");

/* "dark" or "light", by the page's ground. */
function themeOf(element) {
  ruler.fillStyle = "#ffffff";
  ruler.fillStyle = getComputedStyle(element).getPropertyValue("--st-background-color").trim();
  const [r, g, b] = [1, 3, 5].map((k) => parseInt(ruler.fillStyle.slice(k, k + 2), 16));
  return r + g + b < 384 ? "dark" : "light";
}

class Charts {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "charts";
    parent.append(this.root);
    this.drawn = new Map(); // by name: the element, and what it shows
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.root);
  }

  update(data, setState) {
    this.data = data;
    const theme = themeOf(this.root);
    if (theme !== data.theme) setState("theme", theme); // Python colours them anew
    this.draw();
  }

  draw() {
    clearTimeout(this.waiting);
    if (!this.data || this.disposed) return;
    if (!window.Plotly) {
      this.waiting = setTimeout(() => this.draw(), WAIT_MS);
      return;
    }
    const names = this.data.charts.map((chart) => chart.name);
    for (const [name, { element }] of this.drawn) {
      if (names.includes(name)) continue;
      element.remove();
      this.drawn.delete(name);
    }
    this.data.charts.forEach((chart, k) => this.show(chart, k));
  }

  show(chart, k) {
    if (!this.drawn.has(chart.name)) this.drawn.set(chart.name, this.make(chart.name));
    const held = this.drawn.get(chart.name);
    const { element, caption, plot } = held;
    if (this.root.children[k] !== element) this.root.insertBefore(element, this.root.children[k] ?? null);
    if (caption.textContent !== chart.title) caption.textContent = chart.title;
    if (plot.getAttribute("aria-label") !== chart.alt) plot.setAttribute("aria-label", chart.alt);
    const width = Math.floor(plot.clientWidth);
    const shown = `${width}|${chart.figure}`;
    if (!width || shown === held.shown) return;
    held.shown = shown;
    const { data, layout } = JSON.parse(chart.figure);
    const family = getComputedStyle(this.root).fontFamily;
    window.Plotly.react(plot, data, { ...layout, width, font: { ...layout.font, family } }, CONFIG);
  }

  make(name) {
    const element = document.createElement("figure");
    element.className = `chart-${name}`;
    const caption = document.createElement("figcaption");
    const plot = document.createElement("div");
    plot.setAttribute("role", "img");
    element.append(caption, plot);
    return { element, caption, plot, shown: "" };
  }

  /* Without Plotly.purge: a figure that is still being drawn would stumble over it, and nothing outside holds it. */
  dispose() {
    this.disposed = true;
    clearTimeout(this.waiting);
    this.sizes.disconnect();
    this.root.remove();
  }
}

const mounted = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new Charts(parentElement));
  mounted.get(parentElement).update(data, setStateValue);
  return () => {
    mounted.get(parentElement)?.dispose();
    mounted.delete(parentElement);
  };
}
