/* A slider that tells Python its value while it moves, a few times a second, and once more where it comes to rest.
 *
 * What Python says is taken over only while nobody is at it: an answer to an older value would pull the thumb back.
 * Streamlit can drop a value when reruns follow one another fast: what Python has not heard is told again, ever more
 * patiently, for a run that is only slow begins anew with it.
 */

const SEND_MS = 120; // between two values that are told
const HOLD_MS = 700; // after the last move, it is still in somebody's hands
const AGAIN_MS = 2000; // after which a value that was not heard is told again; twice as long each time
const TRIES = 4;

class Slider {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.count = Date.now(); // no value is told twice under one number, or Streamlit would not call a change a change
    this.abort = new AbortController();
    const { signal } = this.abort;
    const input = this.find("input");
    input.addEventListener("input", () => this.move(+input.value), { signal });
    for (const [event, held] of [["pointerdown", true], ["pointerup", false], ["pointercancel", false]])
      input.addEventListener(event, () => (this.held = held), { signal });
  }

  update(data, setState) {
    this.data = data;
    this.setState = setState;
    const input = this.find("input");
    this.find(".label").textContent = data.label;
    for (const [name, value] of [["min", data.low], ["max", data.high], ["step", data.step]]) input[name] = value;
    input.setAttribute("aria-label", data.label);
    input.title = data.help;
    this.settle();
  }

  /* Show what Python says, now or when the hands are off. */
  settle() {
    clearTimeout(this.settling);
    const rest = HOLD_MS - (performance.now() - (this.moved ?? -Infinity));
    if (this.held || rest > 0) this.settling = setTimeout(() => this.settle(), Math.max(rest, 50));
    else if (this.unheard && this.unheard !== this.data.heard && this.tries < TRIES) this.insist();
    else {
      this.unheard = null;
      this.show(this.data.value);
    }
  }

  /* Tell the value again once Python has had time to hear it. */
  insist() {
    const rest = this.told + AGAIN_MS * 2 ** this.tries - performance.now();
    if (rest <= 0) {
      this.tries++;
      this.tell();
    }
    this.settling = setTimeout(() => this.settle(), Math.max(rest, 50));
  }

  tell() {
    this.told = performance.now();
    this.unheard = ++this.count;
    this.setState("moved", [this.value, this.count]);
  }

  move(value) {
    this.moved = performance.now();
    this.show(value);
    this.value = value;
    this.tries = 0;
    this.sending ??= setTimeout(() => {
      this.sending = null;
      this.tell();
    }, Math.max(0, SEND_MS - (this.moved - (this.told ?? -Infinity))));
    this.settle();
  }

  show(value) {
    this.find("input").value = value;
    this.find("output").textContent = +(+value).toFixed(6);
  }

  dispose() {
    clearTimeout(this.settling);
    clearTimeout(this.sending);
    this.abort.abort();
  }
}

const mounted = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new Slider(parentElement));
  mounted.get(parentElement).update(data, setStateValue);
  return () => {
    if (parentElement.isConnected) return; // Streamlit also lets go of an update that a newer one has overtaken
    mounted.get(parentElement)?.dispose();
    mounted.delete(parentElement);
  };
}
