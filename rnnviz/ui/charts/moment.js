/* A slider over the frames of a film. It follows the newest frame until it is moved. */

const LESSON_LINK = 'a[href^="#story-"]';
const SEND_MS = 90; // between two moments told to Python while the thumb is dragged; or after the last one, as asked

class Moment {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.at = null; // the chosen update, or null for the newest
    const slider = this.find("input");
    slider.addEventListener("input", () => this.choose(this.data.steps[+slider.value]));
    slider.addEventListener("keydown", (event) => event.key === "End" && this.choose(null, event));
    this.find("button").addEventListener("click", () => this.choose(null));
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
    const says = words.at.replace("{step}", steps[slider.value].toLocaleString("en-US"));
    slider.setAttribute("aria-label", words.moment);
    slider.setAttribute("aria-valuetext", says);
    this.find("output").textContent = this.at === null ? `${says} ${words.following}` : says;
    this.find("button").textContent = words.newest;
    this.find("button").hidden = this.at === null;
  }
}

const mounted = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new Moment(parentElement));
  mounted.get(parentElement).update(data, setStateValue);
  return () => mounted.delete(parentElement);
}
