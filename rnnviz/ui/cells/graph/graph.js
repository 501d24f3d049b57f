/* Every number of a small network, in slow motion: forward, moment by moment, then backward from the loss.
 *
 * The component owns the place (from 1: first all moments forward, then all backward, then the weights' sums) and the
 * number that is looked at; Python is told of both some time after they have come to rest, for the link.
 */

const MOMENT_MS = 1500;
const SPEEDS = [0.5, 1, 2, 4];
const REST_MS = 350;
const HOLD_MS = 700; // after the last move what Python says is an answer to an older place
const SHOWN = "rnnviz-byhand"; // tells the matrices which way is shown
const LOOK = "rnnviz-byhand-look"; // and hears from them of a weight that is looked at

const kept = { speed: 0 };

class ByHand {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.abort = new AbortController();
    this.count = Date.now(); // nothing is told twice under one number, or Streamlit would not call a change a change
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.speed = kept.speed ||= calm ? 0.5 : 1;
    this.drawing = new Drawing(this.find(".drawing"), this.find(".scroller"), (node) => this.look(node));
    this.panel = new Panel(this.find(".panel"), (node) => this.look(node), (...row) => this.drawing.point(...row));
    this.attach();
  }

  update(data, setState) {
    this.setState = setState;
    const before = this.data;
    const rested = this.place === this.rest;
    this.data = data;
    this.last = data.forward.length + data.backward.length + 1;
    this.rest = data.forward.length;
    const same = before && JSON.stringify(before.nodes) === JSON.stringify(data.nodes) && before.words.play === data.words.play;
    if (rested && this.place) this.place = this.rest;
    if (before && !same) this.pinned = this.numberOf(before.nodes[this.pinned]?.name); // by name in the new network
    this.say();
    if (!same || this.theme !== this.ground()) this.build();
    this.settle();
  }

  build() {
    this.theme = this.ground();
    this.find(".byhand").dataset.theme = this.theme;
    this.drawing.build(this.data, this.theme);
    this.key();
    if (this.place) this.move(Math.min(this.place, this.last));
  }

  /* Take over what Python says, now or when the hands are off: a story's, a link's. */
  settle() {
    clearTimeout(this.settling);
    const said = `${this.data.stage} ${this.data.node}`;
    if (said === this.agreed) return;
    const wait = HOLD_MS - (performance.now() - (this.touched ?? -Infinity));
    if (wait > 0 && this.agreed !== undefined) {
      this.settling = setTimeout(() => this.settle(), wait);
      return;
    }
    this.agreed = said;
    this.pause();
    this.fresh = this.data.stage === null;
    this.pinned = this.numberOf(this.data.node);
    this.move(this.data.stage ?? this.rest);
  }

  numberOf(name) {
    const at = this.data.nodes.findIndex((node) => node.name === name);
    return at < 0 ? undefined : at;
  }

  // ---- the place

  go(place) {
    this.pause();
    this.pinned = undefined;
    this.fresh = false;
    this.move(Math.min(Math.max(place, 1), this.last));
    this.tell();
  }

  look(node) {
    this.pause();
    this.pinned = node;
    this.move(this.place);
    this.tell();
  }

  tell() {
    this.touched = performance.now();
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      const stage = this.place === this.rest ? null : this.place;
      const node = this.data.nodes[this.pinned]?.name ?? null;
      this.agreed = `${stage} ${node}`;
      this.setState("told", [this.place, node, ++this.count]);
    }, REST_MS);
  }

  /* The number whose arithmetic is told: the one that was chosen, or what the moment makes first. */
  shown() {
    const { nodes, boxes, forward, backward } = this.data;
    if (this.pinned !== undefined) return this.pinned;
    if (this.fresh) return nodes.findIndex(({ name }) => /^a\w*_l0\.1\.0$/.test(name)); // it has the most to tell
    const moment = this.place <= this.rest ? forward[this.place - 1] : backward[this.place - this.rest - 1];
    return moment ? boxes[moment[0]].nodes[0] : nodes.findIndex(({ name }) => name === "rnn.weight_hh_l0.0.0");
  }

  move(place) {
    this.place = place;
    const { forward, backward, boxes, captions } = this.data;
    const back = Math.max(0, place - this.rest);
    const node = this.shown();
    this.drawing.paint(this.fresh ? place + 0.5 : place, back, node); // between two moments nothing is just happening
    this.panel.show(this.data, node, this.theme, back > 0);
    const moment = back ? backward[back - 1] : forward[place - 1];
    this.drawing.reveal(this.pinned !== undefined ? [this.pinned] : (moment ?? []).flatMap((box) => boxes[box].nodes));
    const caption = this.fresh ? { says: this.data.words.rest, formula: "" } : captions[place - 1];
    this.find(".says").textContent = caption.says;
    this.find(".formula").innerHTML = caption.formula;
    const slider = this.find(".place");
    slider.max = this.last;
    slider.value = place;
    slider.setAttribute("aria-valuetext", caption.says);
    slider.style.setProperty("--turn", `${(100 * (this.rest - 0.5)) / (this.last - 1)}%`);
    this.find(".forward").setAttribute("aria-pressed", !back);
    this.find(".backward").setAttribute("aria-pressed", back > 0);
    this.find(".previous").disabled = place <= 1;
    this.find(".next").disabled = place >= this.last;
    this.scales(back > 0);
    document.dispatchEvent(new CustomEvent(SHOWN, { detail: { backward: back > 0, node: this.data.nodes[node]?.name } }));
  }

  toggle() {
    if (this.playing) {
      this.pause();
      this.tell();
      return;
    }
    this.pinned = undefined;
    // From the beginning where there is nothing ahead, and where all was there from the start.
    const anew = this.place >= this.last || this.fresh;
    this.fresh = false;
    this.move(anew ? 1 : this.place);
    clearTimeout(this.telling);
    const next = () => {
      if (this.place >= this.last) {
        this.pause();
        this.tell();
        return;
      }
      this.touched = performance.now();
      this.move(this.place + 1);
      this.playing = setTimeout(next, MOMENT_MS / this.speed);
    };
    this.playing = setTimeout(next, MOMENT_MS / this.speed);
    this.showPlaying();
  }

  pause() {
    clearTimeout(this.playing);
    this.playing = 0;
    if (this.data) this.showPlaying();
  }

  showPlaying() {
    const { words } = this.data;
    this.find(".byhand").classList.toggle("playing", Boolean(this.playing));
    this.find(".play-word").textContent = this.playing ? words.pause : words.play;
    this.find(".play").setAttribute("aria-label", this.playing ? words.pause : words.play);
    // A reader for the blind would not keep up with what plays.
    for (const each of [".caption", ".panel"]) this.find(each).setAttribute("aria-live", this.playing ? "off" : "polite");
  }

  // ---- words and keys

  say() {
    const { words } = this.data;
    for (const name of ["previous", "next", "place"]) this.find(`.${name}`).setAttribute("aria-label", words[name]);
    for (const name of ["forward", "backward"]) this.find(`.${name}`).textContent = words[name];
    this.find(".speed-word").textContent = words.speed;
    const speeds = SPEEDS.map((speed) => new Option(`${speed}×`, speed, false, speed === this.speed));
    this.find(".speed").replaceChildren(...speeds);
    this.find(".panel").setAttribute("aria-label", words.panel);
    this.showPlaying();
  }

  /* What the colours of the edges mean. */
  key() {
    const items = this.data.groups.filter(({ name }) => name.includes("weight")).map((group) => {
      const item = document.createElement("li");
      item.innerHTML = `<i style="background:${group[this.theme]}"></i><code>${group.name}</code>`;
      return item;
    });
    const free = document.createElement("li");
    free.innerHTML = `<i class="free"></i>${this.data.words.free}`;
    const bias = document.createElement("li");
    bias.innerHTML = `<i class="bias"></i>${this.data.words.bias}`;
    const asked = document.createElement("li");
    asked.innerHTML = `<i class="asked"></i>${this.data.words.asked}`;
    asked.hidden = this.data.targets.every((target) => target === null);
    const scale = document.createElement("li");
    scale.className = "scale";
    this.find(".key").replaceChildren(...items, bias, free, asked, scale);
  }

  /* And those of the units. */
  scales(back) {
    const stops = this.data.scales[this.theme].state.map(([place, colour]) => `${colour} ${100 * place}%`).join();
    const most = back ? brief(this.drawing.most) : "1";
    this.find(".scale").innerHTML = `${this.data.words[back ? "scale_gradient" : "scale_value"]} ${MINUS}${most} <b style="background:linear-gradient(90deg,${stops})"></b> ${most}`;
  }

  attach() {
    const { signal } = this.abort;
    this.find(".previous").addEventListener("click", () => this.go(this.place - 1));
    this.find(".next").addEventListener("click", () => this.go(this.place + 1));
    this.find(".play").addEventListener("click", () => this.toggle());
    this.find(".forward").addEventListener("click", () => this.go(this.rest));
    this.find(".backward").addEventListener("click", () => this.go(this.last));
    this.find(".place").addEventListener("input", (event) => this.go(+event.target.value));
    this.find(".speed").addEventListener("change", (event) => (this.speed = kept.speed = +event.target.value));
    this.find(".controls").addEventListener("keydown", (event) => {
      if (event.target.tagName === "SELECT" || event.target.type === "range") return; // have their own arrows
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.go(this.place + by);
    });
    document.addEventListener(LOOK, (event) => {
      const node = this.numberOf(event.detail.node);
      if (node !== undefined && node !== this.pinned) this.look(node);
    }, { signal });
    this.sizes = new ResizeObserver(() => this.drawing.fit());
    this.sizes.observe(this.find(".scroller"));
    this.themes = new MutationObserver(() => this.data && this.ground() !== this.theme && this.build());
    this.themes.observe(document.documentElement, { attributes: true });
    this.themes.observe(document.head, { childList: true });
  }

  /* Whether the page is light or dark. */
  ground() {
    const ruler = document.createElement("canvas").getContext("2d");
    ruler.fillStyle = "#ffffff";
    ruler.fillStyle = getComputedStyle(this.find(".byhand")).getPropertyValue("--st-background-color").trim();
    const brightness = [1, 3, 5].reduce((sum, k) => sum + parseInt(ruler.fillStyle.slice(k, k + 2), 16), 0);
    return brightness < 384 ? "dark" : "light";
  }

  dispose() {
    for (const timer of [this.playing, this.telling, this.settling]) clearTimeout(timer);
    this.abort.abort();
    this.sizes.disconnect();
    this.themes.disconnect();
  }
}

const mounted = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new ByHand(parentElement));
  mounted.get(parentElement).update(data, setStateValue);
  return () => {
    if (parentElement.isConnected) return; // Streamlit also lets go of an update that a newer one has overtaken
    mounted.get(parentElement)?.dispose();
    mounted.delete(parentElement);
  };
}
