/* A sheet: one network's figure, which Streamlit draws once (rnnviz/figures/reading.py). It
 *   - lays its columns out for the width there is: one band, two or three, whole pixels per cell;
 *   - shows other digits in it, so that picture, line and words change in one frame;
 *   - moves the line and the veil over rows not yet read, by CSS transforms alone: no figure is touched by a step;
 *   - tells the reader which row pointer and finger ask for.
 *
 * Plotly's `_fullLayout` axes (`_offset`, `_length`, `l2p`, `p2l`) are private; requirements.txt pins Streamlit, which
 * brings Plotly.js, and tests/e2e holds the line to the rows.
 */

const HUNDREDTHS = 100;
const NOTE_ROOM = 90; // an empty stretch between columns this wide is spoken of
const DIGIT_ROOM = 9; // a class this wide has its digit in full size

/* Rows of numbers from base64 int8 hundredths of `top`. */
function decode({ z: base64, cells, top }) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const values = new Int8Array(bytes.buffer);
  const row = (t) => Array.from(values.subarray(t * cells, (t + 1) * cells), (value) => (value * top) / HUNDREDTHS);
  return Array.from({ length: values.length / cells }, (_, t) => row(t));
}

const axisName = (letter, n) => letter + "axis" + (n === 1 ? "" : n);

/* A part of the layer over a chart. */
function overlay(name, css) {
  const element = document.createElement("div");
  element.className = name;
  element.style.cssText = `position:absolute;left:0;top:0;transform-origin:0 0;${css}`;
  return element;
}

class Sheet {
  constructor(reader) {
    this.reader = reader;
    this.chart = null;
    this.hooked = new WeakSet();
    this.bands = [];
    this.abort = new AbortController();
  }

  update(data) {
    if (data.rows !== this.data?.rows) this.bands = []; // measured again when the figure is there
    this.data = data;
  }

  // ---- the chart ------------------------------------------------------------------------------------------------

  /* Whether the figure that the data are for is there: for a moment after another network was chosen, it is not yet. */
  ready() {
    const chart = this.chart;
    if (this.disposed || !chart?.isConnected || !chart._fullLayout?._plots || !window.Plotly) return false;
    return chart.data.at(-1)?.meta === this.data.figure;
  }

  /* Take up the chart again where Streamlit has put another one, or its own copy, in its place. */
  rehook() {
    if (!this.chart?.isConnected || !this.layer?.isConnected) this.hook();
  }

  hook() {
    const chart = document.querySelector(`.st-key-${this.data.chart} .js-plotly-plot`);
    if (!chart || !chart.on || !chart._fullLayout || !chart._fullLayout._plots) return;
    this.chart = chart;
    if (!this.hooked.has(chart)) {
      this.hooked.add(chart);
      const signal = this.abort.signal;
      chart.on("plotly_afterplot", () => this.draw());
      chart.addEventListener("keydown", this.reader.onKey, { signal });
      chart.addEventListener("pointerdown", (event) => this.press(event), { signal, capture: true });
      chart.addEventListener("click", (event) => this.tap(event), { signal, capture: true });
      // Only the digit takes the finger; over the rest of the chart the page still scrolls.
      const scrub = (event) => event.touches.length === 1 && this.overDigit(event.touches[0]) && event.preventDefault();
      chart.addEventListener("touchstart", scrub, { signal, capture: true, passive: false });
      chart.addEventListener("pointermove", (event) => this.hover(event), { signal });
      chart.addEventListener("pointerleave", () => this.reader.look(null), { signal });
    }
    this.draw();
  }

  /* Bring the figure to what data, theme and width ask for; does nothing where it is there already. */
  draw() {
    if (!this.ready()) return;
    const { chart, data, reader } = this;
    const theme = reader.theme();
    const planned = reader.plan(chart._fullLayout.width);
    const lines = reader.drawn().map(({ name }) => name);
    const layoutId = JSON.stringify([planned, chart._fullLayout.width, reader.enlarged, reader.data.words.group, data.columns.map((c) => c.name), lines]);
    const figureId = `${data.id}|${theme}`;
    const traces = {};
    const layout = {};
    // The figure itself says what it shows, since Streamlit may put its own copy back at any time.
    if (chart.data[0].meta !== figureId) {
      Object.assign(traces, this.tracesFor(theme));
      traces.meta = [figureId, ...Array(chart.data.length - 1).fill(undefined)];
      Object.assign(layout, this.axesFor(theme));
      chart.layout.meta = null; // the names of the lines may have changed
    }
    if (chart.layout.meta !== layoutId) {
      Object.assign(layout, this.layoutFor(theme, planned), { meta: layoutId });
      traces.visible = chart.data.map((_, k) => this.shown(k));
    }
    if (Object.keys(layout).length) {
      const all = chart.data.map((_, k) => k);
      window.Plotly.update(chart, traces, layout, all); // ends in plotly_afterplot, which comes back here
      return;
    }
    this.place();
    this.describe();
    reader.move();
  }

  shown(k) {
    const { enlarged } = this.reader;
    return !enlarged || ["x", "probs", enlarged].includes(this.data.columns[k]?.slot);
  }

  tracesFor(theme) {
    const { columns, norms, zeros, rows } = this.data;
    const { scales, lines } = this.reader.data;
    const rest = (value) => [...norms, zeros].map(value);
    const none = columns.map(() => undefined);
    return {
      z: [...columns.map((c) => decode(c)), ...rest(() => undefined)],
      zmin: [...columns.map((c) => c.low), ...rest(() => undefined)],
      zmax: [...columns.map((c) => c.top), ...rest(() => undefined)],
      colorscale: [...columns.map((c) => scales[theme][c.scale]), ...rest(() => undefined)],
      x: [...none, ...rest((trace) => trace.x)],
      y: [...none.map(() => Array.from({ length: rows }, (_, t) => t + 1)), ...rest((trace) => trace.y)],
      text: [...none, ...rest((trace) => trace.text)],
      "line.color": [...none, ...rest((trace) => lines[theme][trace.name] || undefined)],
      "marker.color": [...none, ...rest((trace) => lines[theme][trace.name] || lines[theme].text)],
    };
  }

  axesFor(theme) {
    const { columns, axis, order } = this.data;
    const { lines } = this.reader.data;
    const layout = { "font.color": lines[theme].text };
    const last = axisName("x", columns.length + 1);
    layout[`${last}.range`] = axis.range;
    layout[`${last}.tickvals`] = axis.ticks;
    layout[`${last}.ticktext`] = axis.labels;
    layout[`${last}.gridcolor`] = lines[theme].grid;
    columns.forEach((column, k) => {
      if (column.kind !== "state") return;
      // Hover shows a position's tick text: the unit's own number, whatever order the units stand in.
      layout[`${axisName("x", k + 1)}.tickvals`] = order.map((_, place) => place);
      layout[`${axisName("x", k + 1)}.ticktext`] = order.map(String);
    });
    return layout;
  }

  layoutFor(theme, planned) {
    const { chart, data, reader } = this;
    const width = chart._fullLayout.width;
    const { row, gap, between, frames, naming } = planned;
    const margin = frames[reader.sheets.indexOf(this)];
    const titled = [...data.columns, data.norm_column];
    const own = new Set(titled.map((c) => c.slot));
    const bands = planned.bands.filter((band) => band.some(([slot]) => own.has(slot)));
    const bandHeight = data.rows * row;
    const plotHeight = bands.length * bandHeight + (bands.length - 1) * between;
    const plotWidth = width - margin.left - margin.right;
    const height = plotHeight + margin.top + margin.bottom;
    const family = reader.family();
    const layout = { height, "font.family": family };
    for (const side of ["left", "right", "top", "bottom"]) layout[`margin.${side[0]}`] = margin[side];
    const places = new Map();
    bands.forEach((band, k) => {
      let x = 0;
      const top = 1 - (k * (bandHeight + between)) / plotHeight;
      const first = band.find(([slot]) => own.has(slot))[0];
      const { length, size } = naming[planned.bands.indexOf(band)];
      band.forEach(([slot, w]) => {
        places.set(slot, { x0: x / plotWidth, x1: (x + w) / plotWidth, top, bottom: top - bandHeight / plotHeight, w, first: slot === first, length, size });
        x += w + gap;
      });
    });
    const room = ({ slot }) => places.get(slot).w + gap - 4;
    titled.forEach((column, k) => {
      const place = places.get(column.slot);
      const at = (key) => `annotations[${k}].${key}`;
      layout[`${axisName("x", k + 1)}.visible`] = Boolean(place);
      layout[`${axisName("y", k + 1)}.visible`] = Boolean(place);
      if (!place) {
        layout[at("text")] = "";
        return;
      }
      const titles = column.kind === "state" ? [column.titles[place.length]] : column.titles;
      const titled = margin.titled.includes(column.slot);
      layout[at("text")] = titled ? this.title({ ...column, titles }, room(column), `${place.size}px ${family}`, theme) : "";
      layout[`${axisName("x", k + 1)}.domain`] = [place.x0, Math.min(1, place.x1)];
      layout[`${axisName("y", k + 1)}.domain`] = [Math.max(0, place.bottom), place.top];
      layout[`${axisName("y", k + 1)}.showticklabels`] = place.first;
      layout[`${axisName("y", k + 1)}.ticklabelstandoff`] = 4;
      layout[`${axisName("y", k + 1)}.ticklabeloverflow`] = "allow"; // the last row's number stands on little ground
      Object.assign(layout, {
        [at("x")]: (place.x0 + place.x1) / 2,
        [at("y")]: place.top,
        [at("xanchor")]: "center",
        [at("yanchor")]: "bottom",
        [at("font.size")]: place.size,
      });
    });
    Object.assign(layout, this.lineNames(titled.length, places.get("norms"), plotHeight, theme));
    const probs = data.columns.findIndex((c) => c.slot === "probs");
    const answers = places.get("probs").w;
    const digits = reader.sheets.length > 1 && answers / data.columns[probs].cells > DIGIT_ROOM ? 14 : answers > 110 ? 13 : 12;
    layout[`${axisName("x", probs + 1)}.tickfont.size`] = digits;
    for (const k of [probs, data.columns.length]) layout[`${axisName("x", k + 1)}.showticklabels`] = margin.ticks;
    this.setStyle(height, margin.heading);
    return layout;
  }

  /* A column's title. Where several figures stand under one another, the names of the gradient lines are in theirs. */
  title(column, width, font, theme) {
    if (column.kind !== "norms" || this.reader.sheets.length === 1) return fitting(column.titles, width, font);
    const drawn = this.reader.drawn();
    if (!drawn.length) return fitting(column.titles, width, font);
    const leads = [...column.titles.map((title) => `${title}  `), ""];
    const long = drawn.map((line) => line.title).join("  ");
    const lead = fitting(leads.map((each) => each + long), width, font).slice(0, -long.length);
    const short = widthOf(lead + long, font) > width;
    return lead + drawn.map((line) => this.lineName(line, theme, short)).join("  ");
  }

  /* The names of the gradient lines under the axis of a figure that stands alone: its last annotation. */
  lineNames(k, place, plotHeight, theme) {
    const at = (key) => `annotations[${k}].${key}`;
    if (!place || this.reader.sheets.length > 1) return { [at("text")]: "" };
    const perRow = place.w > 230 ? 4 : 2;
    const names = this.drawn().map((line, i) => {
      const name = this.lineName(line, theme);
      return i === 0 ? name : (i % perRow ? "  " : "<br>") + name;
    });
    return {
      [at("text")]: names.join(""),
      [at("x")]: (place.x0 + place.x1) / 2,
      [at("y")]: place.bottom - 21 / plotHeight,
      [at("xanchor")]: "center",
      [at("yanchor")]: "top",
      [at("font.size")]: 13,
    };
  }

  drawn() {
    return this.data.norms.filter((line) => line.text);
  }

  /* A gradient line's name in its colour. */
  lineName({ name, title, short }, theme, shorter = false) {
    return `<span style="color:${this.reader.data.lines[theme][name]}"><b>${(shorter ? short : title).replace(/_(\w)/g, "<sub>$1</sub>")}</b></span>`;
  }

  /* Streamlit pins a chart's height; ours depends on the width. heading: where, in px, the second half of a heading
   * stands that lies in the line of the titles; null for one that has a line of its own. */
  setStyle(height, heading) {
    const [chart, head] = [`.st-key-${this.data.chart}`, `.st-key-${this.data.head}`];
    this.style ||= document.head.appendChild(document.createElement("style"));
    const shared = heading === null ? "" : `${head} { max-height: 0 !important; min-height: 0 !important; } ${head} .scores { position: absolute; left: ${heading}px; width: max-content; }`;
    const rule = `${shared} ${chart} [data-testid=stElementContainer], ${chart} [data-testid=stFullScreenFrame], ${chart} .stPlotlyChart, ${chart} .js-plotly-plot { height: ${height}px !important; flex: 0 0 auto !important; }`;
    if (this.style.textContent !== rule) this.style.textContent = rule;
  }

  // ---- line and veil --------------------------------------------------------------------------------------------

  /* Measure where Plotly has put the rows, and lay one veil and one line over each band. */
  place() {
    const host = this.chart.querySelector(".svg-container");
    const pictures = host.querySelectorAll(":scope > svg.main-svg");
    if (!this.layer || this.layer.parentNode !== host) {
      this.layer?.remove();
      this.layer = document.createElement("div");
      this.layer.className = "reading-layer";
      this.layer.setAttribute("aria-hidden", "true");
      this.layer.style.cssText = "position:absolute;inset:0;pointer-events:none;contain:strict";
      host.insertBefore(this.layer, pictures[pictures.length - 1]); // under the hover labels
    }
    const full = this.chart._fullLayout;
    const bands = new Map();
    [...this.data.columns, this.data.norm_column].forEach((column, k) => {
      const x = full[axisName("x", k + 1)];
      const y = full[axisName("y", k + 1)];
      if (!x.visible) return;
      const top = Math.round(y._offset);
      if (!bands.has(top)) bands.set(top, { columns: [], y });
      bands.get(top).columns.push({ ...column, left: x._offset, right: x._offset + x._length });
    });
    const style = getComputedStyle(this.reader.find(".stepper"));
    const [ground, accent] = ["background", "primary"].map((name) => style.getPropertyValue(`--st-${name}-color`));
    this.bands = [...bands.values()].map(({ columns, y }) => {
      const edge = Array.from({ length: this.data.rows + 1 }, (_, t) => y._offset + y.l2p(t + 0.5));
      // The digit is given from the start, and gradients come from its end: only what reading produces is veiled.
      const veiled = columns.filter((c) => c.slot !== "x" && c.slot !== "norms");
      const left = Math.min(...columns.map((c) => c.left)) - 3;
      const right = Math.max(...columns.map((c) => c.right)) + 4;
      const veilLeft = veiled.length ? Math.min(...veiled.map((c) => c.left)) : 0;
      const veilRight = veiled.length ? Math.max(...veiled.map((c) => c.right)) : 0;
      const rowHeight = Math.round(edge[1] - edge[0]);
      const veil = overlay("reading-veil", `will-change:transform;width:${veilRight - veilLeft}px;height:${edge.at(-1) - edge[0]}px;background:${ground}`);
      const line = overlay("reading-line", `will-change:transform;width:${right - left}px;height:${rowHeight + 4}px;box-sizing:border-box;border:2px solid ${accent};border-radius:3px`);
      return { edge, left, right, veilLeft, veil, line, columns };
    });
    this.layer.replaceChildren(...this.bands.flatMap((band) => [band.veil, band.line, ...this.notes(band, ground)]));
  }

  /* What stands where other networks have columns and this one has none: on the page's ground, high up and over the
   * line, which would strike it out. */
  notes({ columns, edge }, ground) {
    const family = this.reader.family().replaceAll('"', "'");
    const inOrder = [...columns].sort((a, b) => a.left - b.left);
    return inOrder.slice(1).flatMap((column, k) => {
      const [left, right] = [inOrder[k].right, column.left];
      if (!this.data.absent || right - left < NOTE_ROOM) return [];
      const set = `width:${right - left}px;display:flex;justify-content:center;font:0.9rem/1.15 ${family}`;
      const note = overlay("reading-note", `${set};transform:translate(${left}px,${edge[0]}px)`);
      const words = note.appendChild(document.createElement("span"));
      words.textContent = this.data.absent;
      words.style.cssText = `margin:0 8px;padding:1px 6px;text-align:center;background:${ground};color:color-mix(in srgb, currentColor 68%, ${ground})`;
      return [note];
    });
  }

  /* Put line and veil where the row is; a network that has read all its rows rests at its last one. */
  move(row, problem) {
    const { rows } = this.data;
    const at = Math.min(row, rows);
    for (const { edge, left, line, veil, veilLeft } of this.bands) {
      const read = problem ? 0 : at;
      line.style.transform = `translate(${left}px, ${Math.round(edge[at - 1]) - 2}px)`;
      line.style.visibility = problem ? "hidden" : "visible";
      veil.style.opacity = problem ? 1 : 0.82;
      const veiled = (edge[rows] - edge[read]) / (edge[rows] - edge[0]);
      veil.style.transform = `translate(${veilLeft}px, ${edge[read]}px) scaleY(${veiled})`;
    }
  }

  /* A name for the chart, and its description in numbers beside it: in the page itself, since ids do not reach across
   * the stepper's shadow root. */
  describe() {
    const { chart, data } = this;
    chart.tabIndex = 0;
    chart.setAttribute("role", "application");
    chart.setAttribute("aria-label", data.role);
    chart.setAttribute("aria-describedby", `${data.chart}-description`);
    if (!this.description?.isConnected) {
      this.description = document.createElement("p");
      this.description.id = `${data.chart}-description`;
      this.description.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)";
      chart.parentElement.append(this.description);
    }
    if (this.description.textContent !== data.alt) this.description.textContent = data.alt;
  }

  // ---- pointer and touch ----------------------------------------------------------------------------------------

  /* The row under a point of the screen, or null beside the bands. */
  rowAt(clientY) {
    const y = clientY - this.chart.querySelector(".svg-container").getBoundingClientRect().top;
    for (const { edge } of this.bands) {
      if (y < edge[0] - 4 || y > edge.at(-1) + 4) continue;
      return clamp(edge.findIndex((_, t) => y < edge[t + 1]) + 1 || this.data.rows, 1, this.data.rows);
    }
    return null;
  }

  overDigit({ clientX, clientY }) {
    const digit = this.bands[0]?.columns.find((c) => c.slot === "x");
    if (!digit) return false;
    const box = this.chart.querySelector(".svg-container").getBoundingClientRect();
    const [x, y] = [clientX - box.left, clientY - box.top];
    return x <= digit.right && y >= this.bands[0].edge[0] && y <= this.bands[0].edge.at(-1);
  }

  overBands({ clientX }) {
    const x = clientX - this.chart.querySelector(".svg-container").getBoundingClientRect().left;
    return this.bands.some((band) => x >= band.left && x <= band.right);
  }

  press(event) {
    if (event.button || !this.bands.length || !this.overBands(event)) return;
    const row = this.rowAt(event.clientY);
    // A finger beside the digit may be about to scroll: it jumps when it taps.
    if (row === null || (event.pointerType !== "mouse" && !this.overDigit(event))) return;
    this.reader.dragging = { sheet: this, pointer: event.pointerId };
    this.reader.go(row);
  }

  tap(event) {
    if (event.pointerType === "mouse" || !this.bands.length || !this.overBands(event)) return;
    const row = this.rowAt(event.clientY);
    if (row !== null) this.reader.go(row);
  }

  drag(event) {
    if (!this.ready()) return;
    const row = this.rowAt(event.clientY);
    if (row !== null && row !== this.reader.row) this.reader.set(row);
  }

  /* The mouse only looks: the line follows it while nothing plays and goes back when it leaves; a click stays. */
  hover(event) {
    if (event.pointerType !== "mouse" || this.reader.playing || this.reader.dragging || !this.bands.length) return;
    this.reader.look(this.overBands(event) ? this.rowAt(event.clientY) : null);
  }

  dispose() {
    this.disposed = true;
    this.abort.abort();
    this.layer?.remove();
    this.description?.remove();
    this.style?.remove();
  }
}
