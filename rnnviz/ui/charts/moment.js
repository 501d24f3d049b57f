/* A slider over the frames of a film. It follows the newest frame until it is moved. */

const LESSON_LINK = 'a[href^="#story-"]';
const PLAYED_MS = 400; // a frame stands so long while they are played
const SEND_MS = 90; // between two moments told to Python while the thumb is dragged; or after the last one, as asked

class Moment {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.at = null; // the chosen update, or null for the newest
    const slider = this.find("input");
    const go = (...chosen) => (this.pause(), this.choose(...chosen));
    slider.addEventListener("input", () => go(this.data.steps[+slider.value]));
    slider.addEventListener("keydown", (event) => event.key === "End" && go(null, event));
    this.find(".newest").addEventListener("click", () => go(null));
    this.find(".play").addEventListener("click", () => (this.playing ? this.pause() : this.play()));
  }

  /* Show the frames one after the other, from the first where the last is shown. */
  play() {
    const { steps } = this.data;
    const last = steps.length - 1;
    let frame = +this.find("input").value;
    const next = () => {
      frame = frame < last ? frame + 1 : 0;
      this.choose(frame < last ? steps[frame] : null);
      if (frame === last) this.pause();
    };
    this.playing = setInterval(next, PLAYED_MS);
    next();
    this.show();
  }

  pause() {
    clearInterval(this.playing);
    this.playing = 0;
    this.show();
  }

  update(data, setState) {
    const mounted = !this.data;
    if (mounted) this.at = data.at ?? null;
    this.data = data;
    this.setState = setState;
    this.show();
    // A link in a lesson mounts a slider anew: arrow keys go on from where the link has set it.
    if (mounted && document.activeElement?.matches(LESSON_LINK)) this.find("input").focus({ preventScroll: true });
  }

  /* `null` is the newest; an event is one that the slider must not act on itself. */
  choose(at, event) {
    event?.preventDefault();
    this.at = at;
    this.show();
    document.dispatchEvent(new CustomEvent("rnnviz-moment", { detail: { key: this.data.key, at } }));
    if (this.data.rest) clearTimeout(this.sending), (this.sending = 0);
    this.sending ||= setTimeout(() => {
      this.sending = 0;
      this.setState("moment", this.at);
    }, this.data.rest ?? SEND_MS);
  }

  show() {
    const { steps, words } = this.data;
    const frame = this.at === null ? steps.length - 1 : steps.findLastIndex((step) => step <= this.at);
    const slider = this.find("input");
    slider.max = steps.length - 1;
    slider.value = Math.max(0, frame);
    const told = Array.isArray(words.at) ? words.at[slider.value] : words.at;
    const says = told.replace("{step}", steps[slider.value].toLocaleString("en-US"));
    slider.setAttribute("aria-label", words.moment);
    slider.setAttribute("aria-valuetext", says);
    this.find("output").textContent = this.at === null && words.following ? `${says} ${words.following}` : says;
    this.find(".newest").textContent = words.newest;
    this.find(".newest").hidden = this.at === null || Boolean(words.play);
    this.find(".play").textContent = this.playing ? words.pause : words.play;
    this.find(".play").hidden = !words.play;
  }
}

const mounted = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new Moment(parentElement));
  mounted.get(parentElement).update(data, setStateValue);
  return () => {
    if (parentElement.isConnected) return; // Streamlit also lets go of an update that a newer one has overtaken
    mounted.get(parentElement)?.pause();
    mounted.delete(parentElement);
  };
}
