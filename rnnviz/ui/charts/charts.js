/* Draws figures with the page's Plotly, each into an element of its own that stays when the numbers change. */

const CONFIG = { displayModeBar: false, responsive: false, scrollZoom: false, doubleClick: false, showTips: false };
const WAIT_MS = 50; // between two looks for Plotly, which the page loads with its first chart
const ZERO = -32768; // in frames: a norm that is exactly zero, and one that nobody knows
const UNKNOWN = -32767;

const ruler = document.createElement("canvas").getContext("2d");

/* "dark" or "light", by the page's ground. */
function themeOf(element) {
  ruler.fillStyle = "#ffffff";
  ruler.fillStyle = getComputedStyle(element).getPropertyValue("--st-background-color").trim();
  const [r, g, b] = [1, 3, 5].map((k) => parseInt(ruler.fillStyle.slice(k, k + 2), 16));
  return r + g + b < 384 ? "dark" : "light";
}

/* Frames as Python packs them: updates, and hundredths as signed 16-bit numbers. */
function unpacked({ steps, norms }) {
  const bytes = Uint8Array.from(atob(norms), (letter) => letter.charCodeAt(0));
  return { steps, norms: new Int16Array(bytes.buffer), rows: steps.length ? bytes.length / 2 / steps.length : 0 };
}

/* The norms of the last frame that was taken by an update. */
function normsAt({ steps, norms, rows }, update) {
  const frame = steps.findLastIndex((step) => step <= update);
  return frame < 0 ? [] : Array.from(norms.subarray(frame * rows, (frame + 1) * rows));
}

class Charts {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "charts";
    parent.append(this.root);
    this.drawn = new Map(); // by name: the element, and what it shows
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.root);
    this.heard = ({ detail }) => detail.key === this.key && this.choose(detail.at);
    document.addEventListener("rnnviz-moment", this.heard);
  }

  update(data, setState) {
    this.data = data;
    if (data.moment?.key !== this.key) {
      this.key = data.moment?.key;
      this.at = data.moment?.at ?? null; // later the slider tells, which is ahead of Python
    }
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
    // All of them first, then their widths: one more beside it makes a figure narrower.
    this.data.charts.forEach((chart, k) => {
      if (!this.drawn.has(chart.name)) this.drawn.set(chart.name, this.make(chart.name));
      const { element } = this.drawn.get(chart.name);
      if (this.root.children[k] !== element) this.root.insertBefore(element, this.root.children[k] ?? null);
    });
    for (const chart of this.data.charts) this.show(chart);
  }

  show(chart) {
    const held = this.drawn.get(chart.name);
    const { caption, plot } = held;
    if (caption.textContent !== chart.title) caption.textContent = chart.title;
    if (plot.getAttribute("aria-label") !== chart.alt) plot.setAttribute("aria-label", chart.alt);
    const width = Math.floor(plot.clientWidth);
    const shown = `${width}|${chart.figure}|${JSON.stringify(chart.follow)}`;
    if (!width || shown === held.shown) return this.place(held);
    held.shown = shown;
    const { data, layout } = JSON.parse(chart.figure);
    const margin = layout.margin ?? { l: 0, r: 0, t: 0, b: 0 };
    if (chart.follow?.square) layout.height = width - margin.l - margin.r + margin.t + margin.b;
    const family = getComputedStyle(this.root).fontFamily;
    held.follow = chart.follow;
    held.frames = chart.follow?.frames?.map(unpacked);
    held.axis = { left: margin.l, wide: width - margin.l - margin.r, range: layout.xaxis?.range };
    held.upright = { top: margin.t, tall: layout.height - margin.t - margin.b, range: layout.yaxis?.range };
    held.cursor.style.top = `${margin.t}px`;
    held.cursor.style.bottom = `${margin.b}px`;
    held.placed = null;
    window.Plotly.react(plot, data, { ...layout, width, font: { ...layout.font, family } }, CONFIG);
    this.place(held);
  }

  /* Another update of the training was chosen, `null` for the newest. */
  choose(at) {
    this.at = at;
    cancelAnimationFrame(this.drawing);
    this.drawing = requestAnimationFrame(() => this.drawn.forEach((held) => this.place(held)));
  }

  /* Show a figure as things stood at the chosen update: a line over its updates, or its lines as they were then. */
  place(held) {
    const { follow, frames, axis, cursor, plot } = held;
    if (!follow || !this.data.moment) return;
    const update = this.at ?? this.data.moment.last;
    if (held.placed === update) return;
    held.placed = update;
    if (follow.cursor) {
      const [first, last] = axis.range;
      cursor.style.left = `${axis.left + (axis.wide * (update - first)) / (last - first)}px`;
      cursor.hidden = update < first || update > last;
    }
    if (follow.boxes) this.frame(held, follow.boxes[update - 1]);
    if (!frames) return;
    const norms = frames.map((each) => normsAt(each, update));
    const zeros = follow.rows.filter((_, row) => norms.some((each) => each[row] === ZERO));
    const y = norms.map((each) => each.map((norm) => (norm === ZERO || norm === UNKNOWN ? null : norm / 100)));
    const x = [...frames.map(() => follow.rows), zeros];
    window.Plotly.restyle(plot, { x, y: [...y, zeros.map(() => follow.floor)] }, x.map((_, trace) => trace));
  }

  /* Frame the rows [first, last] of a step, values of the y axis, and veil all below, which is yet to come; no rows
   * where a step has none. */
  frame({ axis, upright, follow, box, veil }, rows) {
    const [end, start] = upright.range; // rows run down
    const at = (value) => upright.top + (upright.tall * (value - start)) / (end - start);
    const place = (element, from, to, wider) => {
      const [left, width] = [axis.left - wider, axis.wide + 2 * wider];
      element.style.cssText = `left:${left}px;width:${width}px;top:${from - wider}px;height:${to - from + 2 * wider}px`;
    };
    box.hidden = !rows;
    if (rows) place(box, at(rows[0]), at(rows[1]), 2);
    veil.hidden = !follow.veil;
    if (follow.veil) place(veil, rows ? at(rows[1]) : at(start), at(end), 0);
  }

  make(name) {
    const element = document.createElement("figure");
    element.className = `chart-${name}`;
    const caption = document.createElement("figcaption");
    const plot = document.createElement("div");
    plot.setAttribute("role", "img");
    const cursor = document.createElement("i");
    cursor.className = "cursor";
    cursor.hidden = true;
    const [veil, box] = ["veil", "box"].map((kind) => {
      const overlay = document.createElement("i");
      overlay.className = kind;
      overlay.hidden = true;
      return overlay;
    });
    const around = document.createElement("div");
    around.append(plot, cursor, veil, box);
    element.append(caption, around);
    return { element, caption, plot, cursor, veil, box, shown: "" };
  }

  /* Without Plotly.purge: a figure that is still being drawn would stumble over it, and nothing outside holds it. */
  dispose() {
    this.disposed = true;
    document.removeEventListener("rnnviz-moment", this.heard);
    cancelAnimationFrame(this.drawing);
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
    if (parentElement.isConnected) return; // Streamlit also lets go of an update that a newer one has overtaken
    mounted.get(parentElement)?.dispose();
    mounted.delete(parentElement);
  };
}
