// Each page has a window of its own, by a name that it gives itself. The terminal has the focus from its first byte on:
// keys are enough for everything. Where the window has ended to go on with another session, the page begins anew with that.
const page = new URLSearchParams(location.search).get("page") ?? crypto.randomUUID();
history.replaceState(null, "", "./"); // a copy of this page is another one
document.querySelector("#terminal").dataset.sessionWebsocketUrl += `/${page}`;
const goOn = async (tries) => {
  const answer = await fetch(`next/${page}`).catch(() => null);
  if (answer?.ok) location.replace(`./?page=${page}`);
  else if (answer && tries) setTimeout(goOn, 250, tries - 1); // the session that ends is closed first
};
const focus = () => document.querySelector(".xterm-helper-textarea")?.focus();
new MutationObserver((_, observer) => {
  if (document.body.classList.contains("-closed")) {
    observer.disconnect();
    document.querySelector("#ended a").focus();
    goOn(60);
  } else if (document.body.classList.contains("-first-byte")) {
    focus();
  }
}).observe(document.body, { attributes: true });
window.addEventListener("focus", focus);
