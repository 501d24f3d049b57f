/* The unrolled graph as SVG: built once for a network, then only painted anew as the place moves. */

const SVG = "http://www.w3.org/2000/svg";
const SMALLEST = 0.74; // a drawing that is wider than its room shrinks so far, and is then scrolled
const LARGEST = 1.35;
const ABOVE = 345; // pixels of the window that the rest of the page takes, so that all of the drawing can be seen at once
const MANY = [[24, 0.6], [70, 0.38], [Infinity, 0.2]]; // edges per step, and how strong they are at rest

class Drawing {
  constructor(svg, scroller, choose) {
    this.svg = svg;
    this.scroller = scroller;
    this.choose = choose;
    svg.addEventListener("click", (event) => {
      const unit = event.target.closest(".unit");
      if (unit) this.choose(+unit.dataset.node);
    });
    svg.addEventListener("keydown", (event) => this.key(event));
  }

  build(data, theme) {
    this.data = data;
    this.theme = theme;
    this.layout = layOut(data);
    this.moments();
    const { width, height } = this.layout;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("aria-label", data.words.graph);
    this.svg.replaceChildren();
    this.grounds();
    this.edges();
    this.units();
    this.fit();
  }

  fit() {
    if (!this.layout) return;
    const { width, height } = this.layout;
    const room = Math.min(this.scroller.clientWidth / width, Math.max((window.innerHeight - ABOVE) / height, 0.85));
    const scale = Math.min(Math.max(room, SMALLEST), LARGEST);
    this.svg.style.width = `${width * scale}px`;
    this.svg.style.height = `${height * scale}px`;
  }

  /* In which moment of the way forward a node has its value, and in which of the way back its gradient; from 1. */
  moments() {
    const { nodes, boxes, forward, backward } = this.data;
    this.valued = nodes.map(() => 0);
    this.taught = nodes.map(() => backward.length + 1); // weights, when all steps have been gone through
    forward.forEach((moment, k) => moment.forEach((box) => boxes[box].nodes.forEach((at) => (this.valued[at] = k + 1))));
    backward.forEach((moment, k) => moment.forEach((box) => boxes[box].nodes.forEach((at) => (this.taught[at] = k + 1))));
    nodes.forEach((node, at) => {
      if (node.stage === "start" || node.stage === "target")
        this.taught[at] = Math.max(...node.shares.map(([later]) => this.taught[later]), 1);
    });
  }

  // ---- building

  add(name, attributes, parent = this.svg) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return parent.appendChild(element);
  }

  /* A ground below the boxes of a cell: the same cell stands at every step. */
  grounds() {
    const cells = new Map();
    this.data.boxes.forEach(({ layer, step }, k) => {
      if (layer === null || step === null || step < 0) return;
      const at = `${layer} ${step}`;
      cells.set(at, [...(cells.get(at) ?? []), this.layout.boxes[k]]);
    });
    for (const places of cells.values()) {
      const [x, y] = ["x", "y"].map((side) => Math.min(...places.map((place) => place[side])));
      const right = Math.max(...places.map((place) => place.x + place.width));
      const bottom = Math.max(...places.map((place) => place.y + place.height));
      this.add("rect", { class: "ground", x: x - 11, y: y - LABEL - 3, width: right - x + 22, height: bottom - y + LABEL + 13, rx: 10 });
    }
  }

  edges() {
    const { nodes, boxes, groups, steps } = this.data;
    const found = new Map();
    nodes.forEach((node, to) => {
      if (node.box === undefined || !this.layout.boxes[node.box]) return;
      for (const [, factors] of node.terms) {
        const weight = factors.map(target).find((at) => nodes[at].group !== undefined);
        for (const from of factors.map(target))
          if (nodes[from].box !== undefined) found.set(`${from} ${to}`, { from, to, weight });
      }
    });
    this.drawn = [...found.values()];
    const strength = MANY.find(([most]) => this.drawn.length / steps <= most)[1];
    this.svg.style.setProperty("--edge", strength);
    for (const edge of this.drawn) {
      edge.reaches = nodes[edge.from].shares.some(([later]) => later === edge.to); // the loss
      const [a, b] = [edge.from, edge.to].map((at) => [this.layout.boxes[nodes[at].box], boxes[nodes[at].box].nodes.indexOf(at)]);
      const weight = edge.weight === undefined ? null : nodes[edge.weight];
      const bus = this.layout.buses[boxes[nodes[edge.to].box].layer];
      const rises = boxes[nodes[edge.from].box].layer < boxes[nodes[edge.to].box].layer && boxes[nodes[edge.from].box].layer !== null;
      edge.element = this.add("path", { d: rises ? risingPath(...a, ...b, bus) : edgePath(...a, ...b) });
      if (weight) {
        edge.element.style.stroke = groups[weight.group][this.theme];
        edge.element.style.strokeWidth = 1 + 2.2 * Math.min(Math.abs(weight.value), 1);
      }
    }
  }

  units() {
    const { nodes, boxes, groups, targets } = this.data;
    this.unit = new Map();
    boxes.forEach((box, k) => {
      const place = this.layout.boxes[k];
      if (!place) return;
      const first = nodes[box.nodes[0]];
      const label = this.add("text", { class: "label", x: place.x + place.width / 2, y: place.y - 5 });
      if (place.lying) { // edges leave upwards: the name stands beside
        label.setAttribute("x", place.x - 6);
        label.setAttribute("y", place.y + CELL.height / 2 + 5);
        label.classList.add("beside");
      }
      label.append(first.letter);
      if (first.below) this.add("tspan", { class: "below", dy: 4 }, label).append(first.below);
      box.nodes.forEach((at, j) => {
        const node = nodes[at];
        const { x, y } = unitAt(place, j);
        const group = this.add("g", { class: "unit", "data-node": at, role: "button", tabindex: -1, transform: `translate(${x},${y})` });
        const rect = this.add("rect", { width: CELL.width, height: CELL.height }, group);
        const text = this.add("text", { x: CELL.width / 2, y: CELL.height / 2 + 4.5 }, group);
        if (box.signal === "p" && targets[box.step] === j) group.classList.add("asked");
        node.terms.filter(([, [f, ...more]]) => !more.length && nodes[target(f)].group !== undefined).forEach(([, [f]], k) =>
          this.add("circle", { class: "bias", cx: 4.5, cy: k ? CELL.height - 5.5 : 5.5, r: 2.4, fill: groups[nodes[f].group][this.theme] }, group),
        );
        this.unit.set(at, { group, rect, text, x: x + CELL.width / 2, y: y + CELL.height / 2 });
      });
    });
  }

  // ---- painting

  /* place: 1..; back: how far the way back has come, 0 on the way forward; node: the number looked at. */
  paint(place, back, node) {
    const { nodes, boxes, scales, ranges } = this.data;
    const last = this.data.backward.length + 1;
    // The loss's own, 1 and shares of 1, would make everything else pale.
    const slopes = [...this.unit.keys()].filter((at) => ranges[boxes[nodes[at].box].kind][0] !== "mistake");
    const most = Math.max(...slopes.map((at) => Math.abs(nodes[at].gradient)), 1e-12);
    this.most = most;
    for (const [at, { group, rect, text }] of this.unit) {
      const it = nodes[at];
      const kind = ranges[boxes[it.box].kind];
      const there = back ? true : this.valued[at] <= place;
      const slope = back && this.taught[at] <= back && it.shares.length + (it.name === "loss") > 0;
      const [scale, low, high] = slope ? ["state", -most, most] : kind;
      const value = slope ? it.gradient : it.value;
      const { fill, ink } = colourOn(scales[this.theme][scale], low, high, value);
      rect.style.fill = there ? fill : "transparent";
      text.style.fill = ink;
      text.textContent = there ? brief(value) : "";
      const now = back ? this.taught[at] === back && slope : this.valued[at] === place;
      group.classList.toggle("now", Boolean(now));
      group.classList.toggle("waiting", Boolean(back) && !slope);
      group.classList.toggle("chosen", at === node);
      group.setAttribute("aria-pressed", at === node);
      const slopeSays = back ? `, ${this.data.words.gradient} ${brief(it.gradient)}` : "";
      group.setAttribute("aria-label", `${spokenSymbol(it)} = ${there ? brief(it.value) : "?"}${slopeSays}`);
    }
    for (const { element, from, to, weight, reaches } of this.drawn) {
      const ended = back === last;
      const lit = back ? reaches && (ended ? weight !== undefined : this.taught[from] === back) : this.valued[to] === place;
      const past = back ? reaches && this.taught[from] <= back : this.valued[to] <= place;
      const terms = (to === node && !back) || weight === node;
      const shares = from === node;
      element.classList.toggle("lit", lit);
      element.classList.toggle("coming", !past);
      element.classList.toggle("terms", terms);
      element.classList.toggle("shares", shares && !terms);
      element.classList.toggle("back", back > 0);
    }
    const focused = this.unit.has(node) ? node : (this.focusable ?? [...this.unit.keys()][0]);
    this.rove(focused);
  }

  /* Mark the edge of a row of the panel that is pointed at. */
  point(from, to, on) {
    for (const edge of this.drawn)
      if (edge.to === to && (edge.from === from || edge.weight === from)) edge.element.classList.toggle("pointed", on);
    this.unit.get(from)?.group.classList.toggle("pointed", on);
    this.unit.get(to)?.group.classList.toggle("pointed", on);
  }

  /* Bring what happens now, or is looked at, into the drawing's window. */
  reveal(nodes) {
    const places = nodes.map((at) => this.unit.get(at)).filter(Boolean);
    if (!places.length || this.scroller.scrollWidth <= this.scroller.clientWidth) return;
    const scale = this.svg.clientWidth / this.layout.width;
    const middle = (places.reduce((sum, { x }) => sum + x, 0) / places.length) * scale;
    const { scrollLeft, clientWidth } = this.scroller;
    if (middle > scrollLeft + 70 && middle < scrollLeft + clientWidth - 70) return;
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.scroller.scrollTo({ left: middle - clientWidth / 2, behavior: calm ? "auto" : "smooth" });
  }

  // ---- keys: one stop for Tab, arrows go from unit to unit

  rove(at) {
    this.unit.get(this.focusable)?.group.setAttribute("tabindex", -1);
    this.focusable = at;
    this.unit.get(at)?.group.setAttribute("tabindex", 0);
  }

  key(event) {
    const at = +event.target.closest?.(".unit")?.dataset.node;
    if (Number.isNaN(at)) return;
    const towards = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (towards) {
      const next = this.nearest(this.unit.get(at), towards);
      if (next !== undefined) {
        this.rove(next);
        this.unit.get(next).group.focus();
      }
    } else if (event.key === "Enter" || event.key === " ") this.choose(at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  nearest(from, [right, down]) {
    let [best, shortest] = [undefined, Infinity];
    for (const [at, unit] of this.unit) {
      const [dx, dy] = [unit.x - from.x, unit.y - from.y];
      const along = dx * right + dy * down;
      if (along < 4) continue;
      const length = along + 3 * Math.abs(dx * down + dy * right);
      if (length < shortest) [best, shortest] = [at, length];
    }
    return best;
  }
}
