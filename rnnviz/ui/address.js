/* Keeps the address of the page equal to what is on screen, in place of the current entry of the history. */

export default function ({ data }) {
  const url = new URL(window.location.href);
  for (const key of data.keys) url.searchParams.delete(key);
  for (const [key, value] of Object.entries(data.values)) url.searchParams.set(key, value);
  if (url.href !== window.location.href) window.history.replaceState(window.history.state, "", url);
}
