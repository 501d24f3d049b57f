/* A slider that tells Python its value while it moves, a few times a second, and once more where it comes to rest.
 *
 * What Python says is taken over only while nobody is at it: an answer to an older value would pull the thumb back.
 */

const SEND_MS = 120; // between two values that are told
const HOLD_MS = 700; // after the last move, it is still in somebody's hands

class Slider {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.count = Date.now(); // no value is told twice under one number, or Streamlit would not call a change a change
    const input = this.find("input");
    input.addEventListener("input", () => this.move(+input.value));
    for (const [event, held] of [["pointerdown", true], ["pointerup", false], ["pointercancel", false]])
      input.addEventListener(event, () => (this.held = held));
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
    else this.show(this.data.value);
  }

  move(value) {
    this.moved = performance.now();
    this.show(value);
    this.value = value;
    this.sending ??= setTimeout(() => {
      this.sending = null;
      this.told = performance.now();
      this.setState("moved", [this.value, ++this.count]);
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
  }
}

const mounted = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, new Slider(parentElement));
  mounted.get(parentElement).update(data, setStateValue);
  return () => {
    mounted.get(parentElement)?.dispose();
    mounted.delete(parentElement);
  };
}
