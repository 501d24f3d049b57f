/* The stepper: one reading line through the figures of one network or several, in the browser.
 *
 * The component owns slider, buttons and keys, and the row; its sheets (sheet.js) own the figures and show the row in
 * them, laid out by layout.js. rnnviz/ui/stepper/__init__.py joins the three files. Python is told the row some time
 * after it has come to rest.
 */

const ROWS_PER_SECOND = 6;
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const HINT_MS = 20000;
const VISITED = "rnnviz-visited"; // in the browser's storage, once the hint has been seen
const REST_MS = 400; // this long after the last move, Python is told
const OWN_KEYS = "input, textarea, select, button, [role=slider], [role=radio], [role=option], [contenteditable]"; // have their own arrows
const KEYS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/* What outlives a visit to another page of the app. */
const kept = { speed: 0, enlarged: "" };

class Reader {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.row = null; // 1..rows
    this.peek = null; // the row under a mouse that only looks
    this.dragging = null; // the sheet in which a pointer drags the line, and the pointer
    this.sheets = []; // from top to bottom
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
    if (made || this.row > data.rows) this.set(data.rows);
    this.slots = slotsOf(data.sheets);
    this.enlarged = data.views.some(([slot]) => slot === this.enlarged) ? this.enlarged : "";
    for (const sheet of this.sheets.splice(data.sheets.length)) sheet.dispose();
    data.sheets.forEach((own, k) => (this.sheets[k] ??= new Sheet(this)).update(own));
    this.translate();
    // Words first, in a frame of their own: redrawing the figures takes several.
    this.move();
    cancelAnimationFrame(this.redrawing);
    this.redrawing = requestAnimationFrame(() => setTimeout(() => this.disposed || this.sheets.forEach((sheet) => sheet.hook())));
  }

  translate() {
    const { words, rows, problem } = this.data;
    const name = (selector, text) => this.find(selector).setAttribute("aria-label", text);
    this.find(".stepper").setAttribute("aria-label", words.group);
    name(".previous", words.previous);
    name(".next", words.next);
    name(".row", words.row);
    this.find(".hint").textContent = words.hint;
    this.find(".stepper").classList.toggle("together", this.data.sheets.length > 1);
    this.find(".speed-word").textContent = words.speed;
    this.find(".view-word").textContent = words.view;
    this.find(".row").max = rows;
    this.options(".speed", SPEEDS.map((s) => [s, `${s}×`]), this.speed);
    this.options(".view", [["", words.all_views], ...this.data.views], this.enlarged);
    this.nameSpeakers();
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

  /* Where there are several networks, a place for what each of them says, under its name in its colour. */
  nameSpeakers() {
    const list = this.find(".each");
    const speakers = this.data.sheets.filter((sheet) => sheet.says);
    const wanted = JSON.stringify(speakers.map(({ name, colours }) => [name, colours]));
    if (list.dataset.wanted === wanted) return;
    const lines = speakers.map(({ name, colours }) => {
      const line = document.createElement("span");
      for (const [theme, colour] of Object.entries(colours)) line.style.setProperty(`--${theme}`, colour);
      const mark = line.appendChild(document.createElement("b"));
      mark.textContent = name;
      for (const part of ["passed", "answer"]) line.appendChild(document.createElement("span")).className = part;
      return line;
    });
    list.replaceChildren(...lines);
    list.dataset.wanted = wanted;
    this.find(".spoken").classList.toggle("several", lines.length > 0);
    this.find(lines.length ? ".spoken" : ".stepper").prepend(this.find(".hint")); // a line of its own takes room
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
    this.find(".spoken").setAttribute("aria-live", playing ? "off" : "polite"); // 28 sentences in a row would drown a reader
  }

  soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.move();
    });
  }

  /* Put lines, veils, slider and words where the row is. The only work that a step does. */
  move() {
    const { data } = this;
    const row = this.peek ?? this.row;
    const problem = Boolean(data.problem);
    const say = (element, text) => element.textContent === text || (element.textContent = text);
    this.find(".says").classList.toggle("problem", problem);
    this.find(".row").value = row;
    say(this.find(".says"), data.problem || data.say[row - 1]);
    const speakers = this.find(".each").children;
    this.sheets.forEach((sheet, k) => {
      sheet.move(row, problem);
      if (!speakers[k]) return;
      const { says, passed } = sheet.data;
      say(speakers[k].querySelector(".answer"), problem ? "" : says[row - 1]);
      say(speakers[k].querySelector(".passed"), !problem && row >= passed.row ? passed.says : "");
    });
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
      this.draw();
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
    // Charts come and go as Streamlit pleases: look for them whenever the page changes.
    this.observer = new MutationObserver(() => {
      this.looking ||= requestAnimationFrame(() => {
        this.looking = 0;
        for (const sheet of this.sheets) sheet.rehook();
        this.followTheme();
      });
    });
    this.observer.observe(document.querySelector("[data-testid=stMain]") || document.body, { childList: true, subtree: true });
    this.themes = new MutationObserver(() => this.followTheme());
    this.themes.observe(document.documentElement, { attributes: true });
    this.themes.observe(document.head, { childList: true });
    window.addEventListener("resize", () => this.draw(), { signal });
    // What stands above the figures and below them, too, decides how tall they are.
    this.sizes = new ResizeObserver(() => this.data?.sheets.length > 1 && this.draw());
    for (const element of [this.find(".stepper"), ...document.querySelectorAll(".stMainBlockContainer, .st-key-choices")])
      this.sizes.observe(element);
    const dragged = (act) => (event) => event.pointerId === this.dragging?.pointer && act(event);
    window.addEventListener("pointermove", dragged((event) => this.dragging.sheet.drag(event)), { signal, capture: true });
    for (const end of ["pointerup", "pointercancel"])
      window.addEventListener(end, dragged(() => (this.dragging = null)), { signal, capture: true });
  }

  // ---- the sheets -----------------------------------------------------------------------------------------------

  draw() {
    for (const sheet of this.sheets) sheet.draw();
  }

  family() {
    return getComputedStyle(this.find(".stepper")).fontFamily;
  }

  /* The gradient lines of all sheets, in the order in which they first come. */
  drawn() {
    const lines = this.sheets.flatMap((sheet) => sheet.drawn());
    return [...new Map(lines.map((line) => [line.name, line])).values()];
  }

  /* The layout of all sheets for a width: plan()'s, and besides
   *   - frames, one per sheet: margins; whether ticks stand below it; which slots have a title above them, since what a
   *     sheet above says already is not said again; and where in the titles' line the second half of its heading
   *     stands, null if the heading has a line of its own;
   *   - naming, one per band: which of a state's titles is shown, and the size of the font. */
  plan(width) {
    const { sheets, rows } = this.data;
    const margin = sheets.length > 1 ? TOGETHER : ALONE;
    // Headings share the line of the titles where they can, which leaves more room for the rows.
    let shares = sheets.map((_, k) => k > 0 && !this.enlarged);
    for (;;) {
      const planned = plan(width, this.slots, rows, sheets.length, this.enlarged, (bands) => this.room(bands, shares));
      const [many, places] = [planned.bands.length > 1, placesOf(planned)];
      const naming = planned.bands.map((_, band) => this.naming(width, places, band, planned.gap));
      const frames = sheets.map((sheet, k) => {
        const titled = [...sheet.columns, sheet.norm_column].filter((c) => many || !this.repeats(k, c)).map((c) => c.slot);
        const heading = shares[k] && !many ? this.heading(sheet, titled, places, planned.gap, width) : null;
        const ticks = many || k === sheets.length - 1;
        const [top, bottom] = [heading === null ? margin.top : margin.shared, ticks ? margin.bottom : margin.inner];
        return { left: margin.left, right: margin.right, top, bottom, ticks, titled, heading };
      });
      const share = frames.map((frame) => frame.heading !== null);
      if (share.join() === shares.join()) return { ...planned, between: margin.between, naming, frames };
      shares = share; // fewer with every round
    }
  }

  /* The height there is for all rows of all sheets, in so many bands; shares: as in plan. */
  room(bands, shares) {
    const { sheets, words } = this.data;
    if (sheets.length === 1) return window.innerHeight - ALONE.around - ALONE.between * (bands - 1);
    const main = document.querySelector("[data-testid=stMain]");
    const top = (document.querySelector(".st-key-reading")?.getBoundingClientRect().top ?? 0) + main.scrollTop;
    const above = top < window.innerHeight / 2 ? top : 0; // what is far down is scrolled to anyway
    // The bar at its tallest: it is not to change the figures when its words change.
    const place = `${window.innerWidth}|${sheets.length}|${words.group}`;
    if (this.bar?.place !== place) this.bar = { place, height: 0 };
    if (!this.data.problem) this.bar.height = Math.max(this.bar.height, this.find(".stepper").offsetHeight);
    const { shared, inner, bottom, between, spare } = TOGETHER;
    const around = sheets.map(({ head }, k) => {
      const heading = shares[k] ? shared : TOGETHER.top + (document.querySelector(`.st-key-${head} .network`)?.offsetHeight ?? 0);
      const below = bands > 1 || k === sheets.length - 1 ? bottom : inner;
      return heading + below + between * (bands - 1);
    });
    return window.innerHeight - above - this.bar.height - spare - sum(around);
  }

  /* Whether the next sheet above that has a column in the same slot gives it the same title. */
  repeats(k, { slot, titles }) {
    const above = this.data.sheets.slice(0, k).flatMap(({ columns, norm_column }) => [...columns, norm_column]);
    return above.findLast((column) => column.slot === slot)?.titles[0] === titles[0];
  }

  /* One length for all states of a band, in all sheets: names beside symbols would look like a difference. Where several
   * sheets are, rather smaller names than symbols. */
  naming(width, places, band, gap) {
    const columns = this.data.sheets.flatMap((sheet) => sheet.columns);
    const states = columns.filter(({ kind, slot }) => kind === "state" && places.get(slot)?.band === band);
    const sizes = width <= 560 ? [12] : this.data.sheets.length > 1 ? [15, 14, 13] : [15];
    const named = sizes.map((size) => {
      const lengths = states.map(({ slot, titles }) => titles.indexOf(fitting(titles, places.get(slot).w + gap - 4, `${size}px ${this.family()}`)));
      return { size, length: Math.max(0, ...lengths) };
    });
    const symbols = states.length ? states[0].titles.length - 1 : 1;
    return named.find(({ length }) => length < symbols) ?? named[0];
  }

  /* Where in the line of the titles the second half of a sheet's heading stands, or null if the line has no room for
   * the heading. The first half stands before the titles. */
  heading({ head }, titled, places, gap, width) {
    const [who, scores] = ["who", "scores"].map((half) => document.querySelector(`.st-key-${head} .${half}`));
    if (!who || !scores) return null; // for a moment, while Streamlit puts up another choice of networks
    const taken = titled.map((slot) => places.get(slot));
    const last = places.get("probs").x;
    const from = Math.min(last, ...taken.map(({ x }) => x)) - 4 + TOGETHER.left;
    const to = Math.max(0, ...taken.map(({ x, w }) => x + w)) + gap + TOGETHER.left;
    if (who.offsetLeft + who.offsetWidth > from || to + scores.offsetWidth > width) return null;
    return last + TOGETHER.left + scores.offsetWidth > width ? Math.max(to, width - scores.offsetWidth) : last + TOGETHER.left;
  }

  /* The row under a mouse that only looks, or null where it has left. */
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
    this.draw();
  }

  dispose() {
    this.disposed = true;
    clearTimeout(this.resting);
    clearTimeout(this.greeting);
    for (const frame of [this.playing, this.frame, this.looking, this.redrawing]) cancelAnimationFrame(frame);
    this.abort.abort();
    this.observer.disconnect();
    this.themes.disconnect();
    this.sizes.disconnect();
    for (const sheet of this.sheets) sheet.dispose();
  }
}

const readers = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!readers.has(parentElement)) readers.set(parentElement, new Reader(parentElement));
  readers.get(parentElement).update(data, setStateValue);
  return () => {
    if (parentElement.isConnected) return; // Streamlit also lets go of an update that a newer one has overtaken
    readers.get(parentElement)?.dispose();
    readers.delete(parentElement);
  };
}
