// The terminal has the focus from its first byte on: keys are enough for everything. Where the window has ended to go on
// with another session, the page begins anew with that.
const goOn = async (tries) => {
  const answer = await fetch("next").catch(() => null);
  if (answer?.ok) location.reload();
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
