/* Unrolled networks as drawings: boxes in, a chain of hidden states, boxes out, and only the arrows that are used.
 *
 * "choice": small ones without contents, one of which is chosen. "unrolled": one with what went in and came out.
 */

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 64; // of a box, and the way to the next one
const PITCH = 94;
const LOW = 34; // the height of a box with words, and of one with a row of pixels
const GAP = 34; // between the rows of boxes
const UNITS = 8; // hidden units beside one another
const ALONE = 1.4; // a single step is drawn so much larger,
const LEAST = 0.7; // and a chain that does not fit so much smaller, before it has to be scrolled
const PICTURE = 80; // the side of a picture
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const KEYS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

function add(parent, name, attributes, text) {
  const element = parent.appendChild(document.createElementNS(SVG, name));
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/* A number in [0, 1] as a colour of a scale whose stops are custom properties --<scale>-0, -1, …, evenly spaced. */
function coloured(scale, stops, share) {
  const place = Math.min(Math.max(share, 0), 1) * (stops - 1);
  const from = Math.min(Math.floor(place), stops - 2);
  const part = Math.round(100 * (place - from));
  return `color-mix(in srgb, var(--${scale}-${from + 1}) ${part}%, var(--${scale}-${from}))`;
}

function cells(parent, rows, x, y, width, height, paint) {
  const tall = height / rows.length;
  rows.forEach((row, r) =>
    row.forEach((value, c) => {
      const wide = width / row.length;
      const place = { x: x + c * wide, y: y + r * tall, width: wide + 0.3, height: tall + 0.3, class: "cell" };
      add(parent, "rect", place).style.fill = paint(value);
    }),
  );
}

const ink = (value) => coloured("ink", 2, value);
const state = (value) => coloured("state", 5, (value + 1) / 2);

/* One after the other, so many in a row. */
const rowsOf = (values, many) =>
  Array.from({ length: Math.ceil(values.length / many) }, (_, r) => values.slice(r * many, (r + 1) * many));

const height = (cell) => (cell?.pixels?.length > 1 ? WIDE : LOW);

class Drawing {
  constructor(columns) {
    this.columns = columns;
    const tallest = (of) => Math.max(0, ...columns.map(of));
    this.out = tallest(({ y }) => (y ? height(y) : 0));
    this.in = tallest(({ x }) => (x ? height(x) : 0));
    this.hidden = Math.max(LOW, tallest(({ h }) => (h ? Math.ceil(h.length / UNITS) * 8 : 0)));
    this.top = { y: 18, h: 18 + this.out + GAP, x: 18 + this.out + this.hidden + 2 * GAP };
    const below = columns.some(({ title }) => title) ? 46 : 24; // room for the steps' numbers and titles
    this.size = [columns.length * PITCH - PITCH + WIDE + 4, this.top.x + this.in + below];
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("viewBox", `0 0 ${this.size.join(" ")}`);
    this.svg.setAttribute("aria-hidden", "true");
    const head = { id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, orient: "auto" };
    Object.assign(head, { markerUnits: "userSpaceOnUse", markerWidth: 12, markerHeight: 12 });
    add(add(add(this.svg, "defs", {}), "marker", head), "path", { d: "M0,0 L8,4 L0,8 z", class: "head" });
    columns.forEach((column, t) => this.draw(column, t));
  }

  left(t) {
    return 2 + t * PITCH;
  }

  draw(column, t) {
    const { x, h, y, part } = column;
    const left = this.left(t);
    const middle = left + WIDE / 2;
    const { top } = this;
    if (t) this.arrow(`M${left - PITCH + WIDE},${top.h + this.hidden / 2} H${left}`, column.handed ? "handed" : "");
    if (x) this.arrow(`M${middle},${top.x} V${top.h + this.hidden}`);
    if (y) this.arrow(`M${middle},${top.h} V${top.y + this.out}`);
    if (column.fed) {
      const between = left - (PITCH - WIDE) / 2;
      this.arrow(`M${left - PITCH + WIDE},${top.y + this.out / 2} H${between} V${top.x + this.in / 2} H${left}`, "fed");
    }
    if (x) this.box("x", x, left, top.x, height(x));
    this.box(part ? `h ${part}` : "h", { states: h }, left, top.h, this.hidden);
    if (y) this.box("y", y, left, top.y + this.out - height(y), height(y));
    if (column.title) add(this.svg, "text", { x: left, y: this.size[1] - 4, class: "title" }, column.title);
    if (column.t) add(this.svg, "text", { x: middle, y: top.x + this.in + 18, class: "small" }, column.t);
    if (y?.note) add(this.svg, "text", { x: middle, y: top.y + this.out - height(y) - 5, class: "small" }, y.note);
  }

  arrow(d, kind = "") {
    add(this.svg, "path", { d, class: `arrow ${kind}`, "marker-end": "url(#head)" });
  }

  box(kind, cell, left, top, tall) {
    if (cell.pixels) cells(this.svg, cell.pixels, left, top, WIDE, tall, ink);
    if (cell.states) cells(this.svg, rowsOf(cell.states, UNITS), left, top, WIDE, tall, state);
    const filled = cell.pixels || cell.states ? "filled" : "";
    const judged = cell.right === undefined || cell.right === null ? "" : cell.right ? "right" : "wrong";
    const classes = `box ${kind} ${filled} ${judged}`;
    add(this.svg, "rect", { x: left, y: top, width: WIDE, height: tall, rx: 5, class: classes });
    if (cell.text === undefined) return;
    add(this.svg, "text", { x: left + WIDE / 2, y: top + tall / 2 + 6, class: `value ${kind}` }, cell.text);
  }
}

class Diagrams {
  constructor(root) {
    this.content = root.querySelector(".content");
    this.content.addEventListener("keydown", (event) => this.press(event));
  }

  update(data, setTrigger) {
    this.data = data;
    this.setTrigger = setTrigger;
    for (const [name, value] of Object.entries(data.colours)) this.content.style.setProperty(name, value);
    const shown = JSON.stringify(data);
    if (shown === this.shown) return;
    const focused = this.content.contains(this.content.getRootNode().activeElement);
    this.shown = shown;
    this.content.className = `content ${data.kind}`;
    this.content.replaceChildren(...(data.kind === "choice" ? [this.choice()] : this.unrolled()));
    this.scroll(this.content.querySelector(".scroller"));
    if (focused) this.content.querySelector("[aria-checked=true], .pad")?.focus();
  }

  choice() {
    const group = document.createElement("div");
    group.className = "group";
    group.setAttribute("role", "radiogroup");
    group.setAttribute("aria-label", this.data.label);
    for (const { name, title, columns } of this.data.shapes) {
      const button = group.appendChild(document.createElement("button"));
      const chosen = name === this.data.chosen;
      Object.assign(button, { type: "button", tabIndex: chosen ? 0 : -1 });
      button.dataset.name = name;
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", chosen);
      button.append(Object.assign(document.createElement("span"), { textContent: title }));
      const { svg, size } = new Drawing(columns);
      svg.style.aspectRatio = size.join(" / ");
      button.append(svg);
      button.addEventListener("click", () => this.choose(name));
    }
    return group;
  }

  unrolled() {
    const { columns, pictures, alt } = this.data;
    const { svg, size } = new Drawing(columns);
    svg.style.width = `${size[0] * (columns.length > 1 ? 1 : ALONE)}px`;
    svg.style.minWidth = `${size[0] * LEAST}px`;
    const scroller = document.createElement("div");
    Object.assign(scroller, { className: "scroller", tabIndex: 0 }); // keys scroll it where it is wider than its place
    scroller.setAttribute("role", "img");
    scroller.setAttribute("aria-label", alt);
    scroller.append(svg);
    const before = document.createElement("div");
    before.className = "pictures";
    before.append(...pictures.map((picture) => this.picture(picture)));
    return pictures.length ? [before, scroller] : [scroller];
  }

  /* Where a chain is wider than its place, its end with the answer is what is seen first; then what the reader chose. */
  scroll(scroller) {
    if (!scroller) return;
    const steps = this.data.columns.length;
    if (steps !== this.steps) this.from = undefined;
    this.steps = steps;
    scroller.scrollLeft = this.from ?? scroller.scrollWidth;
    scroller.addEventListener("scroll", () => (this.from = scroller.scrollLeft));
  }

  picture({ title, pixels, paint }) {
    const figure = document.createElement("figure");
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${PICTURE} ${PICTURE}`);
    svg.setAttribute("role", paint ? "application" : "img");
    svg.setAttribute("aria-label", paint || title);
    cells(svg, pixels, 0, 0, PICTURE, PICTURE, ink);
    add(svg, "rect", { x: 0, y: 0, width: PICTURE, height: PICTURE, class: "frame" });
    if (paint) this.pad(svg, pixels);
    figure.append(svg, Object.assign(document.createElement("figcaption"), { textContent: title }));
    return figure;
  }

  /* A picture that is painted on: by the pointer, or by arrow keys and the space bar. What is painted is told at once
   * when the pointer is lifted; a stroke that begins on ink takes ink away.
   */
  pad(svg, pixels) {
    const side = pixels.length;
    const size = PICTURE / side;
    const painted = svg.querySelectorAll(".cell");
    this.cursor ??= [0, 0];
    svg.classList.add("pad");
    svg.setAttribute("tabindex", 0);
    const mark = add(svg, "rect", { width: size, height: size, class: "cursor" });
    const move = (r, c) => {
      this.cursor = [r, c];
      mark.setAttribute("x", c * size);
      mark.setAttribute("y", r * size);
    };
    const put = (r, c, value) => {
      pixels[r][c] = value;
      painted[r * side + c].style.fill = ink(value);
    };
    const tell = () => this.setTrigger("pixels", pixels.flat());
    const at = ({ clientX, clientY }) => {
      const { left, top, width } = svg.getBoundingClientRect();
      return [clientY - top, clientX - left].map((length) => Math.floor((length / width) * side));
    };
    let brush = null;
    const paint = (event) => {
      const [r, c] = at(event);
      if (brush === null || pixels[r]?.[c] === undefined) return;
      put(r, c, brush);
      move(r, c);
    };
    svg.addEventListener("pointerdown", (event) => {
      const [r, c] = at(event);
      if (event.button || pixels[r]?.[c] === undefined) return;
      svg.setPointerCapture(event.pointerId);
      brush = pixels[r][c] > 0.5 ? 0 : 1;
      paint(event);
    });
    svg.addEventListener("pointermove", paint);
    svg.addEventListener("pointerup", () => {
      if (brush !== null) tell();
      brush = null;
    });
    svg.addEventListener("pointercancel", () => (brush = null));
    svg.addEventListener("keydown", (event) => {
      const [r, c] = this.cursor;
      const [down, right] = STEPS[event.key] ?? [0, 0];
      if (event.key === " ") {
        put(r, c, pixels[r][c] > 0.5 ? 0 : 1);
        tell();
      } else if (STEPS[event.key]) move((r + down + side) % side, (c + right + side) % side);
      else return;
      event.preventDefault();
    });
    move(...this.cursor);
  }

  choose(name) {
    if (name !== this.data.chosen) this.setTrigger("shape", name);
  }

  press(event) {
    const by = KEYS[event.key];
    if (!by || this.data.kind !== "choice") return;
    event.preventDefault();
    const buttons = [...this.content.querySelectorAll("button")];
    const at = buttons.indexOf(event.target);
    const next = buttons[(at + by + buttons.length) % buttons.length];
    next.focus();
    this.choose(next.dataset.name);
  }
}

const mounted = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new Diagrams(parentElement));
  mounted.get(parentElement).update(data, setTriggerValue);
  return () => {
    if (parentElement.isConnected) return; // Streamlit also lets go of an update that a newer one has overtaken
    mounted.delete(parentElement);
  };
}
