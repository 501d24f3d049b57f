/* The reading line: moves one cursor through every view of a trace, in the browser.
 *
 * Streamlit draws one Plotly figure, once (rnnviz/figures/reading.py). This component
 *   - lays its columns out for the width there is: one band, two or three, whole pixels per cell;
 *   - feeds it other digits, so that picture, line and words change in one frame;
 *   - moves the line and the veil over rows not yet read, by CSS transforms alone: no figure is touched by a step;
 *   - owns slider, buttons, keys, pointer and touch, and tells Python the row some time after it has come to rest.
 *
 * Plotly's `_fullLayout` axes (`_offset`, `_length`, `l2p`, `p2l`) are private; requirements.txt pins Streamlit, which
 * brings Plotly.js, and tests/e2e holds the line to the rows.
 */

const ROWS_PER_SECOND = 6;
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const HINT_MS = 20000;
const VISITED = "rnnviz-visited"; // in the browser's storage, once the hint has been seen
const REST_MS = 400; // this long after the last move, Python is told
const HUNDREDTHS = 100;
const OWN_KEYS = "input, textarea, select, button, [role=slider], [role=radio], [role=option], [contenteditable]"; // have their own arrows
const KEYS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

// ---------------------------------------------------------------------------------------------------------------
// Layout: which column stands where. Pure functions of width, height and columns.

const MARGIN = { left: 36, right: 8, top: 34, bottom: 64 };
const TITLE_BAND = 74; // between bands: tick labels and line names of the upper one, titles of the lower one

const AROUND = 440; // what stands above and below the rows of a figure that is to be seen whole

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);

/* Bands of [column name, width in px], and the height of a row in px. The digit's pixels are square. */
function plan(width, viewHeight, columns, rows, enlarged) {
  const room = width - MARGIN.left - MARGIN.right;
  const gap = room > 1100 ? 14 : room > 500 ? 11 : 8;
  const states = columns.filter((c) => c.kind === "state");
  const units = Math.max(...states.map((c) => c.cells));
  const digit = columns.find((c) => c.kind === "digit").cells; // its width in rows
  const least = rows > 40 ? 5 : 8; // blank rows after the digit make a long figure, whose end should be in sight
  const probs = room > 1100 ? 130 : room > 500 ? 100 : 0;
  const tallest = (bands, least) => clamp(Math.floor((viewHeight - AROUND - TITLE_BAND * (bands - 1)) / (rows * bands)), least, 13);

  if (enlarged && !probs) {
    const row = 8;
    const side = digit * row;
    return { row, gap, bands: [[["x", side], ["probs", room - side - gap]], [[enlarged, room]]] };
  }
  if (enlarged) {
    const row = Math.min(tallest(1, least), Math.floor((room * 0.34) / digit));
    const side = digit * row;
    return { row, gap, bands: [[["x", side], [enlarged, room - side - probs - 2 * gap], ["probs", probs]]] };
  }

  // One band, the cells as wide as they can be, then the rows as tall as they can be.
  for (const cell of [4, 3, 2, 1.5, 1]) {
    for (let row = tallest(1, least); row >= least && probs; row--) {
      const used = digit * row + states.length * units * cell + probs + (states.length + 2) * gap;
      const left = room - used;
      if (left < (row > 10 ? 180 : 105)) continue; // rather wider lines than a taller digit
      const norms = Math.min(left, 340);
      const side = [["x", digit * row], ...states.map((c) => [c.name, units * cell]), ["probs", probs], ["norms", norms]];
      return { row, gap, bands: [side] };
    }
  }

  // Two bands: what goes in and comes out above, the gates below.
  const [first, ...others] = states;
  const cellFor = (count, space) =>
    [3, 2, 1.5, 1, 0.75, 0.5, 0.375, 0.25].find((c) => count * units * c + (count - 1) * gap <= space) || 0.2;
  const lower = others.length ? [others.map((c) => [c.name, units * cellFor(others.length, room)])] : [];
  const bandCount = 1 + lower.length;
  if (probs) {
    for (const cell of [1.5, 1, 0.75, 0.5]) {
      for (let row = tallest(bandCount, 7); row >= 6; row--) {
        const norms = room - digit * row - units * cell - probs - 3 * gap;
        if (norms < 110) continue;
        return { row, gap, bands: [[["x", digit * row], [first.name, units * cell], ["probs", probs], ["norms", norms]], ...lower] };
      }
    }
  }

  // Three bands: a phone.
  const row = room < 330 ? 6 : 7;
  const side = digit * row;
  const half = Math.floor((room - gap) * 0.42);
  return {
    row,
    gap,
    bands: [[["x", side], ["probs", room - side - gap]], [[first.name, half], ["norms", room - half - gap]], ...lower],
  };
}

/* The longest of the given titles that fits, measured in the figure's font. */
const ruler = document.createElement("canvas").getContext("2d");
function fitting(titles, width, font) {
  ruler.font = font;
  return titles.find((title) => ruler.measureText(title).width <= width) || titles[titles.length - 1];
}

// ---------------------------------------------------------------------------------------------------------------
// Numbers from Python.

/* Rows of numbers from base64 int8 hundredths of `top`. */
function decode({ z: base64, cells, top }) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const values = new Int8Array(bytes.buffer);
  const row = (t) => Array.from(values.subarray(t * cells, (t + 1) * cells), (value) => (value * top) / HUNDREDTHS);
  return Array.from({ length: values.length / cells }, (_, t) => row(t));
}

const axisName = (letter, n) => letter + "axis" + (n === 1 ? "" : n);

// ---------------------------------------------------------------------------------------------------------------

/* What outlives a visit to another page of the app. */
const kept = { speed: 0, enlarged: "" };

class Reader {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.row = null; // 1..rows
    this.peek = null; // the row under a mouse that only looks
    this.dragging = null; // the pointer that drags the line
    this.chart = null;
    this.hooked = new WeakSet();
    this.bands = [];
    this.abort = new AbortController();
    // Who asked for less motion gets a slower line; nothing here moves unasked, and nothing glides.
    kept.speed ||= window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 0.25 : 1;
    this.speed = kept.speed;
    this.enlarged = kept.enlarged;
    this.attachControls();
    this.attachPage();
    this.greet();
  }

  /* On a first visit say in one line what to do; the first deed, or time, takes it away. */
  greet() {
    try {
      if (localStorage.getItem(VISITED)) return;
      localStorage.setItem(VISITED, "1");
    } catch {
      return; // storage is blocked: better no hint than one at every visit
    }
    this.find(".hint").hidden = false;
    this.greeting = setTimeout(() => this.dismiss(), HINT_MS);
    // A click, not the press before it: the controls must not move under a finger that is about to lift.
    for (const deed of ["click", "keydown"])
      document.addEventListener(deed, () => this.dismiss(), { signal: this.abort.signal, capture: true, once: true });
  }

  dismiss() {
    clearTimeout(this.greeting);
    this.find(".hint").hidden = true;
  }

  // ---- data -----------------------------------------------------------------------------------------------------

  update(data, setState) {
    const fresh = !this.data || this.data.id !== data.id;
    // What was just drawn or dropped is shown from its end: its maker wants the answer.
    const made = this.data && this.data.origin !== data.origin && data.origin !== "sample";
    this.data = data;
    this.setState = setState;
    if (this.row === null) this.row = clamp(data.step, 1, data.rows);
    if (fresh) this.pause();
    if (made) this.set(data.rows);
    this.enlarged = data.columns.some((c) => c.name === this.enlarged) ? this.enlarged : "";
    this.translate();
    // Words first, in a frame of their own: redrawing the figure takes several.
    this.move();
    cancelAnimationFrame(this.redrawing);
    this.redrawing = requestAnimationFrame(() => setTimeout(() => this.disposed || this.hook()));
  }

  translate() {
    const { words, rows, problem } = this.data;
    const name = (selector, text) => this.find(selector).setAttribute("aria-label", text);
    this.find(".stepper").setAttribute("aria-label", words.group);
    name(".previous", words.previous);
    name(".next", words.next);
    name(".row", words.row);
    this.find(".hint").textContent = words.hint;
    this.find(".speed-word").textContent = words.speed;
    this.find(".view-word").textContent = words.view;
    this.find(".row").max = rows;
    this.options(".speed", SPEEDS.map((s) => [s, `${s}×`]), this.speed);
    const views = this.data.columns.filter((c) => c.kind === "state").map((c) => [c.name, c.titles[0]]);
    this.options(".view", [["", words.all_views], ...views], this.enlarged);
    for (const control of this.root.querySelectorAll("button, input, select")) control.disabled = Boolean(problem);
    this.showPlaying(Boolean(this.playing));
  }

  options(selector, pairs, chosen) {
    const select = this.find(selector);
    const wanted = pairs.map(([value, text]) => `${value}|${text}`).join();
    if (select.dataset.wanted !== wanted) {
      select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
      select.dataset.wanted = wanted;
    }
    select.value = chosen;
  }

  // ---- the row --------------------------------------------------------------------------------------------------

  /* Go to a row because the user asked for it: whatever plays, stops. */
  go(row) {
    if (this.data.problem) return;
    this.pause();
    this.set(row);
  }

  set(row) {
    this.peek = null;
    this.row = clamp(Math.round(row), 1, this.data.rows);
    this.soon();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.setState("step", this.row), REST_MS);
  }

  toggle() {
    if (this.data.problem) return;
    if (this.playing) return this.pause();
    if (this.row >= this.data.rows) this.row = 1;
    clearTimeout(this.resting); // Python hears of the row when it rests again
    this.peek = null;
    this.move();
    this.showPlaying(true);
    let from = this.row;
    let since = performance.now();
    const tick = (now) => {
      if (this.restart) [from, since, this.restart] = [this.row, now, false];
      const row = from + Math.floor(Math.max(0, (now - since) / 1000) * ROWS_PER_SECOND * this.speed);
      if (row > this.data.rows) return this.pause();
      if (row !== this.row) {
        this.row = row;
        this.move();
      }
      this.playing = requestAnimationFrame(tick);
    };
    this.playing = requestAnimationFrame(tick);
  }

  pause() {
    if (!this.playing) return;
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.showPlaying(false);
    this.set(this.row);
  }

  showPlaying(playing) {
    const { words } = this.data;
    this.find(".stepper").classList.toggle("playing", playing);
    this.find(".play-word").textContent = playing ? words.pause : words.play;
    this.find(".play").setAttribute("aria-label", playing ? words.pause : words.play);
    this.find(".says").setAttribute("aria-live", playing ? "off" : "polite"); // 28 sentences in a row would drown a reader
  }

  soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.move();
    });
  }

  /* Put line, veil, slider and words where the row is. The only work that a step does. */
  move() {
    const { data } = this;
    const row = this.peek ?? this.row;
    const says = data.problem || data.say[row - 1];
    this.find(".says").classList.toggle("problem", Boolean(data.problem));
    const slider = this.find(".row");
    slider.value = row;
    if (this.find(".says").textContent !== says) this.find(".says").textContent = says;
    for (const band of this.bands) {
      const read = data.problem ? 0 : row;
      const bottom = band.edge[data.rows];
      band.line.style.transform = `translate(${band.left}px, ${Math.round(band.edge[row - 1]) - 2}px)`;
      band.line.style.visibility = data.problem ? "hidden" : "visible";
      band.veil.style.opacity = data.problem ? 1 : 0.82;
      const veiled = (bottom - band.edge[read]) / (bottom - band.edge[0]);
      band.veil.style.transform = `translate(${band.veilLeft}px, ${band.edge[read]}px) scaleY(${veiled})`;
    }
  }

  // ---- controls -------------------------------------------------------------------------------------------------

  attachControls() {
    const slider = this.find(".row");
    this.onKey = (event) => this.key(event);
    this.find(".stepper").addEventListener("keydown", this.onKey);
    slider.addEventListener("input", () => this.go(+slider.value));
    this.find(".previous").addEventListener("click", () => this.go(this.row - 1));
    this.find(".next").addEventListener("click", () => this.go(this.row + 1));
    this.find(".play").addEventListener("click", () => this.toggle());
    this.find(".speed").addEventListener("change", (event) => {
      this.speed = kept.speed = +event.target.value;
      this.restart = true;
    });
    this.find(".view").addEventListener("change", (event) => {
      this.enlarged = kept.enlarged = event.target.value;
      this.laidOut = null;
      if (this.ready()) this.draw();
    });
  }

  /* Everywhere but in fields, with ↑ and ↓ where the focus is on the chart or the controls. */
  key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (target.tagName === "SELECT") return;
    if (event.key in KEYS) this.go(this.row + KEYS[event.key]);
    else if (event.key === "Home") this.go(1);
    else if (event.key === "End") this.go(this.data.rows);
    else if (event.key === " " && target.tagName !== "BUTTON") this.toggle();
    else return;
    event.preventDefault();
  }

  attachPage() {
    const signal = this.abort.signal;
    document.addEventListener(
      "keydown",
      (event) => {
        const upright = event.key === "ArrowUp" || event.key === "ArrowDown"; // these scroll the page
        if (!upright && !event.composedPath()[0].closest?.(OWN_KEYS)) this.key(event);
      },
      { signal },
    );
    // The chart comes and goes as Streamlit pleases: look for it whenever the page changes.
    this.observer = new MutationObserver(() => {
      this.looking ||= requestAnimationFrame(() => {
        this.looking = 0;
        if (!this.chart || !this.chart.isConnected || !this.layer || !this.layer.isConnected) this.hook();
        this.followTheme();
      });
    });
    this.observer.observe(document.querySelector("[data-testid=stMain]") || document.body, { childList: true, subtree: true });
    this.themes = new MutationObserver(() => this.followTheme());
    this.themes.observe(document.documentElement, { attributes: true });
    this.themes.observe(document.head, { childList: true });
    window.addEventListener("resize", () => this.ready() && this.draw(), { signal });
    window.addEventListener("pointermove", (event) => this.drag(event), { signal, capture: true });
    for (const end of ["pointerup", "pointercancel"])
      window.addEventListener(end, (event) => event.pointerId === this.dragging && (this.dragging = null), { signal, capture: true });
  }

  // ---- the chart ------------------------------------------------------------------------------------------------

  /* Whether the figure that the data are for is there: for a moment after another network was chosen, it is not yet. */
  ready() {
    const chart = this.chart;
    if (this.disposed || !chart?.isConnected || !chart._fullLayout?._plots || !window.Plotly) return false;
    return chart.data.at(-1)?.meta === this.data.figure;
  }

  hook() {
    const chart = document.querySelector(`.st-key-${this.data.chart} .js-plotly-plot`);
    if (!chart || !chart.on || !chart._fullLayout || !chart._fullLayout._plots) return;
    this.chart = chart;
    if (!this.hooked.has(chart)) {
      this.hooked.add(chart);
      const signal = this.abort.signal;
      chart.on("plotly_afterplot", () => this.ready() && this.draw());
      chart.addEventListener("keydown", this.onKey, { signal });
      chart.addEventListener("pointerdown", (event) => this.press(event), { signal, capture: true });
      chart.addEventListener("click", (event) => this.tap(event), { signal, capture: true });
      // Only the digit takes the finger; over the rest of the chart the page still scrolls.
      const scrub = (event) => event.touches.length === 1 && this.overDigit(event.touches[0]) && event.preventDefault();
      chart.addEventListener("touchstart", scrub, { signal, capture: true, passive: false });
      chart.addEventListener("pointermove", (event) => this.hover(event), { signal });
      chart.addEventListener("pointerleave", () => this.look(null), { signal });
    }
    if (this.ready()) this.draw();
  }

  /* Bring the figure to what data, theme and width ask for; does nothing where it is there already. */
  draw() {
    const { chart, data } = this;
    const theme = this.theme();
    const layoutId = [chart._fullLayout.width, window.innerHeight, this.enlarged, data.columns.map((c) => c.name).join(), data.words.group].join("|");
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
      Object.assign(layout, this.layoutFor(), { meta: layoutId });
      traces.visible = chart.data.map((_, k) => this.shown(k));
    }
    if (Object.keys(layout).length) {
      const all = chart.data.map((_, k) => k);
      window.Plotly.update(chart, traces, layout, all); // ends in plotly_afterplot, which comes back here
      return;
    }
    this.place();
    this.describe();
    this.move();
  }

  shown(k) {
    const column = this.data.columns[k];
    if (!this.enlarged) return true;
    return column ? ["x", "probs", this.enlarged].includes(column.name) : false;
  }

  tracesFor(theme) {
    const { columns, norms, zeros } = this.data;
    const rest = (value) => [...norms, zeros].map(value);
    const none = columns.map(() => undefined);
    return {
      z: [...columns.map((c) => decode(c)), ...rest(() => undefined)],
      zmin: [...columns.map((c) => c.low), ...rest(() => undefined)],
      zmax: [...columns.map((c) => c.top), ...rest(() => undefined)],
      colorscale: [...columns.map((c) => this.data.scales[theme][c.scale]), ...rest(() => undefined)],
      x: [...none, ...rest((trace) => trace.x)],
      y: [...none.map(() => Array.from({ length: this.data.rows }, (_, t) => t + 1)), ...rest((trace) => trace.y)],
      text: [...none, ...rest((trace) => trace.text)],
      "line.color": [...none, ...rest((trace) => this.data.lines[theme][trace.name] || undefined)],
      "marker.color": [...none, ...rest((trace) => this.data.lines[theme][trace.name] || this.data.lines[theme].text)],
    };
  }

  axesFor(theme) {
    const { columns, axis, order, lines } = this.data;
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

  layoutFor() {
    const { chart, data } = this;
    const width = chart._fullLayout.width;
    const { row, gap, bands } = plan(width, window.innerHeight, data.columns, data.rows, this.enlarged);
    const bandHeight = data.rows * row;
    const plotHeight = bands.length * bandHeight + (bands.length - 1) * TITLE_BAND;
    const plotWidth = width - MARGIN.left - MARGIN.right;
    const height = plotHeight + MARGIN.top + MARGIN.bottom;
    const family = getComputedStyle(this.find(".stepper")).fontFamily;
    const layout = { height, "font.family": family };
    for (const side of ["left", "right", "top", "bottom"]) layout[`margin.${side[0]}`] = MARGIN[side];
    const places = new Map();
    bands.forEach((band, k) => {
      let x = 0;
      const top = 1 - (k * (bandHeight + TITLE_BAND)) / plotHeight;
      band.forEach(([name, w], i) => {
        places.set(name, { x0: x / plotWidth, x1: (x + w) / plotWidth, top, bottom: top - bandHeight / plotHeight, w, first: i === 0 });
        x += w + gap;
      });
    });
    const titled = [...data.columns, data.norm_column];
    const size = width > 560 ? 15 : 12;
    const font = `${size}px ${family}`;
    titled.forEach((column, k) => {
      const place = places.get(column.name);
      const at = (key) => `annotations[${k}].${key}`;
      layout[`${axisName("x", k + 1)}.visible`] = Boolean(place);
      layout[`${axisName("y", k + 1)}.visible`] = Boolean(place);
      layout[at("text")] = place ? fitting(column.titles, place.w + gap - 4, font) : "";
      if (!place) return;
      layout[`${axisName("x", k + 1)}.domain`] = [place.x0, Math.min(1, place.x1)];
      layout[`${axisName("y", k + 1)}.domain`] = [Math.max(0, place.bottom), place.top];
      layout[`${axisName("y", k + 1)}.showticklabels`] = place.first;
      layout[`${axisName("y", k + 1)}.ticklabelstandoff`] = 4;
      Object.assign(layout, {
        [at("x")]: (place.x0 + place.x1) / 2,
        [at("y")]: place.top,
        [at("xanchor")]: "center",
        [at("yanchor")]: "bottom",
        [at("font.size")]: size,
      });
    });
    Object.assign(layout, this.lineNames(titled.length, places.get("norms"), plotHeight));
    const probs = data.columns.findIndex((c) => c.name === "probs");
    layout[`${axisName("x", probs + 1)}.tickfont.size`] = places.get("probs").w > 110 ? 13 : 12;
    this.setHeight(height);
    return layout;
  }

  /* The names of the gradient lines, each in its colour, under their axis: the figure's last annotation. */
  lineNames(k, place, plotHeight) {
    const colours = this.data.lines[this.theme()];
    const drawn = this.data.norms.filter((line) => line.text);
    const perRow = place && place.w > 230 ? 4 : 2;
    const names = drawn.map((line, i) => {
      const name = `<span style="color:${colours[line.name]}"><b>${line.title.replace(/_(\w)/g, "<sub>$1</sub>")}</b></span>`;
      return i === 0 ? name : (i % perRow ? "  " : "<br>") + name;
    });
    const at = (key) => `annotations[${k}].${key}`;
    if (!place) return { [at("text")]: "" };
    return {
      [at("text")]: names.join(""),
      [at("x")]: (place.x0 + place.x1) / 2,
      [at("y")]: place.bottom - 21 / plotHeight,
      [at("xanchor")]: "center",
      [at("yanchor")]: "top",
      [at("font.size")]: 13,
    };
  }

  /* Streamlit pins a chart's height; ours depends on the width. */
  setHeight(height) {
    const chart = `.st-key-${this.data.chart}`;
    this.style ||= document.head.appendChild(document.createElement("style"));
    const rule = `${chart} [data-testid=stElementContainer], ${chart} [data-testid=stFullScreenFrame], ${chart} .stPlotlyChart, ${chart} .js-plotly-plot { height: ${height}px !important; flex: 0 0 auto !important; }`;
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
    const ground = getComputedStyle(this.find(".stepper")).getPropertyValue("--st-background-color");
    const accent = getComputedStyle(this.find(".stepper")).getPropertyValue("--st-primary-color");
    const bar = (name, css) => {
      const element = document.createElement("div");
      element.className = name;
      element.style.cssText = `position:absolute;left:0;top:0;transform-origin:0 0;will-change:transform;${css}`;
      return element;
    };
    this.bands = [...bands.values()].map(({ columns, y }) => {
      const edge = Array.from({ length: this.data.rows + 1 }, (_, t) => y._offset + y.l2p(t + 0.5));
      // The digit is given from the start, and gradients come from its end: only what reading produces is veiled.
      const veiled = columns.filter((c) => c.name !== "x" && c.name !== "norms");
      const left = Math.min(...columns.map((c) => c.left)) - 3;
      const right = Math.max(...columns.map((c) => c.right)) + 4;
      const veilLeft = veiled.length ? Math.min(...veiled.map((c) => c.left)) : 0;
      const veilRight = veiled.length ? Math.max(...veiled.map((c) => c.right)) : 0;
      const rowHeight = Math.round(edge[1] - edge[0]);
      const veil = bar("reading-veil", `width:${veilRight - veilLeft}px;height:${edge.at(-1) - edge[0]}px;background:${ground}`);
      const line = bar("reading-line", `width:${right - left}px;height:${rowHeight + 4}px;box-sizing:border-box;border:2px solid ${accent};border-radius:3px`);
      return { edge, left, right, veilLeft, veil, line, columns };
    });
    this.layer.replaceChildren(...this.bands.flatMap((band) => [band.veil, band.line]));
  }

  /* A name for the chart, and its description in numbers beside it: in the page itself, since ids do not reach across
   * the stepper's shadow root. */
  describe() {
    const { chart, data } = this;
    chart.tabIndex = 0;
    chart.setAttribute("role", "application");
    chart.setAttribute("aria-label", data.words.chart_role);
    chart.setAttribute("aria-describedby", "reading-description");
    if (!this.description?.isConnected) {
      this.description = document.createElement("p");
      this.description.id = "reading-description";
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
    const digit = this.bands[0]?.columns.find((c) => c.name === "x");
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
    this.dragging = event.pointerId;
    this.go(row);
  }

  tap(event) {
    if (event.pointerType === "mouse" || !this.bands.length || !this.overBands(event)) return;
    const row = this.rowAt(event.clientY);
    if (row !== null) this.go(row);
  }

  drag(event) {
    if (this.dragging !== event.pointerId || !this.ready()) return;
    const row = this.rowAt(event.clientY);
    if (row !== null && row !== this.row) this.set(row);
  }

  /* The mouse only looks: the line follows it while nothing plays and goes back when it leaves; a click stays. */
  hover(event) {
    if (event.pointerType !== "mouse" || this.playing || this.dragging != null || !this.bands.length) return;
    this.look(this.overBands(event) ? this.rowAt(event.clientY) : null);
  }

  look(row) {
    if (row === this.peek) return;
    this.peek = row;
    this.soon();
  }

  // ---- theme ----------------------------------------------------------------------------------------------------

  theme() {
    const ground = getComputedStyle(this.find(".stepper")).getPropertyValue("--st-background-color").trim();
    ruler.fillStyle = "#ffffff";
    ruler.fillStyle = ground; // the canvas turns any CSS colour into #rrggbb
    const [r, g, b] = [1, 3, 5].map((k) => parseInt(ruler.fillStyle.slice(k, k + 2), 16));
    return sum([r, g, b]) < 384 ? "dark" : "light";
  }

  followTheme() {
    const theme = this.theme();
    if (theme === this.lastTheme) return;
    this.lastTheme = theme;
    if (this.ready()) this.draw();
  }

  dispose() {
    this.disposed = true;
    clearTimeout(this.resting);
    clearTimeout(this.greeting);
    for (const frame of [this.playing, this.frame, this.looking, this.redrawing]) cancelAnimationFrame(frame);
    this.abort.abort();
    this.observer.disconnect();
    this.themes.disconnect();
    this.layer?.remove();
    this.description?.remove();
    this.style?.remove();
  }
}

const readers = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!readers.has(parentElement)) readers.set(parentElement, new Reader(parentElement));
  readers.get(parentElement).update(data, setStateValue);
  return () => {
    readers.get(parentElement)?.dispose();
    readers.delete(parentElement);
  };
}
