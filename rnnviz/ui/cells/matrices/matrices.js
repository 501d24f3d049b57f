/* The numbers of a small network, each in a field of its own; changes are told to Python a little after the last key.
 *
 * Streamlit keeps the newest value only, and can lose that when reruns follow one another fast: all changes are told
 * together, and again, until Python says that it has heard of them.
 */

const SEND_MS = 300;
const AGAIN_MS = 3000;
const SHOWN = "rnnviz-byhand"; // the graph tells which way it shows, and what is looked at
const LOOK = "rnnviz-byhand-look";

class Matrices {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.abort = new AbortController();
    this.count = Date.now(); // nothing is told twice under one number, or Streamlit would not call a change a change
    this.waiting = new Map(); // place -> its value, and the number under which that was told first
    const groups = this.find(".groups");
    groups.addEventListener("input", (event) => this.typed(event.target));
    groups.addEventListener("focusin", ({ target }) => {
      const name = target.dataset.place;
      if (name) document.dispatchEvent(new CustomEvent(LOOK, { detail: { node: name } }));
    });
    document.addEventListener(SHOWN, ({ detail }) => this.shown(detail), { signal: this.abort.signal });
    this.themes = new MutationObserver(() => this.data && this.colour());
    this.themes.observe(document.documentElement, { attributes: true });
    this.themes.observe(document.head, { childList: true });
  }

  update(data, setState) {
    this.setState = setState;
    const shape = JSON.stringify([data.network, data.words, data.groups.map(({ name, title, says, rows, kind }) => [name, title, says, kind, rows.map((row) => row.cells.map(({ place }) => place))])]);
    this.data = data;
    this.find(".total").textContent = data.total;
    if (shape !== this.shape) this.build();
    this.shape = shape;
    this.confirm();
    this.colour();
    this.fill();
    if (data.backward !== undefined && this.back === undefined) this.shown({ backward: data.backward });
  }

  build() {
    this.fields = new Map();
    this.waiting.clear(); // what was typed was meant for the network before
    clearTimeout(this.sending);
    this.complain();
    const sections = this.data.groups.map((group) => {
      const section = document.createElement("section");
      section.dataset.group = group.name;
      section.innerHTML = `<h4>${group.title}</h4><p>${group.says}</p><div class="scroll"><table><tbody></tbody></table></div>`;
      for (const row of group.rows) {
        const line = section.querySelector("tbody").insertRow();
        line.innerHTML = `<th scope="row">${row.label}</th>`;
        for (const cell of row.cells) {
          const field = document.createElement(group.kind === "class" ? "select" : "input");
          field.dataset.place = cell.place;
          field.setAttribute("aria-label", cell.label);
          field.title = cell.label;
          if (group.kind === "class") field.append(...group.options.map(([value, name]) => new Option(name, value)));
          else Object.assign(field, { type: "number", step: 0.1, min: -this.data.largest, max: this.data.largest, inputMode: "decimal", required: true });
          const box = line.insertCell();
          box.append(field);
          const slope = document.createElement("span");
          slope.className = "slope";
          box.append(slope);
          this.fields.set(cell.place, { field, slope, box });
        }
      }
      return section;
    });
    this.find(".groups").replaceChildren(...sections);
  }

  /* Put in what Python says, but not into a field that somebody is at. */
  fill() {
    for (const group of this.data.groups)
      for (const row of group.rows)
        for (const { place, value, changed, slope } of row.cells) {
          const { field, slope: under, box } = this.fields.get(place);
          const busy = this.waiting.has(place) || (field === this.active() && +field.value === value) || field.validity.badInput;
          if (!busy && field.value !== `${value}` && !(field === this.active() && !field.checkValidity())) field.value = value;
          box.classList.toggle("changed", changed);
          under.textContent = slope === null ? "" : `∂ ${slope}`;
        }
  }

  active() {
    return this.root.activeElement ?? document.activeElement;
  }

  typed(field) {
    const { place } = field.dataset;
    if (!field.checkValidity() && !field.validity.stepMismatch) {
      this.waiting.delete(place);
      field.setAttribute("aria-invalid", "true");
      this.complain(this.data.words.invalid.replace("{name}", field.title));
      return;
    }
    field.removeAttribute("aria-invalid");
    this.complain();
    this.waiting.set(place, { value: +field.value });
    this.send(SEND_MS);
  }

  send(wait) {
    clearTimeout(this.sending);
    this.sending = setTimeout(() => {
      if (!this.waiting.size) return;
      this.count += 1;
      for (const edit of this.waiting.values()) edit.count ??= this.count;
      const edits = Object.fromEntries([...this.waiting].map(([place, { value }]) => [place, value]));
      this.setState("edits", { edits, network: this.data.network, count: this.count });
      this.send(AGAIN_MS);
    }, wait);
  }

  /* Let go of what Python has heard. */
  confirm() {
    for (const [place, { count }] of this.waiting) if (count <= this.data.heard) this.waiting.delete(place);
  }

  complain(text = "") {
    const problem = this.find(".problem");
    problem.textContent = text;
    problem.hidden = !text;
  }

  shown({ backward, node }) {
    this.back = backward;
    this.find(".matrices").classList.toggle("backward", backward);
    for (const [place, { box }] of this.fields ?? []) box.classList.toggle("looked", place === node);
  }

  colour() {
    const ruler = document.createElement("canvas").getContext("2d");
    ruler.fillStyle = getComputedStyle(this.find(".matrices")).getPropertyValue("--st-background-color").trim() || "#ffffff";
    const dark = [1, 3, 5].reduce((sum, k) => sum + parseInt(ruler.fillStyle.slice(k, k + 2), 16), 0) < 384;
    for (const { name, colours } of this.data.groups)
      if (colours) this.find(`[data-group="${name}"]`).style.setProperty("--group", colours[dark ? "dark" : "light"]);
  }

  dispose() {
    clearTimeout(this.sending);
    this.abort.abort();
    this.themes.disconnect();
  }
}

const mounted = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new Matrices(parentElement));
  mounted.get(parentElement).update(data, setStateValue);
  return () => {
    if (parentElement.isConnected) return; // Streamlit also lets go of an update that a newer one has overtaken
    mounted.get(parentElement)?.dispose();
    mounted.delete(parentElement);
  };
}
