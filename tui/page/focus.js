// The terminal has the focus from its first byte on: keys are enough for everything.
const focus = () => document.querySelector(".xterm-helper-textarea")?.focus();
new MutationObserver((_, observer) => {
  if (document.body.classList.contains("-closed")) {
    observer.disconnect();
    document.querySelector("#ended a").focus();
  } else if (document.body.classList.contains("-first-byte")) {
    focus();
  }
}).observe(document.body, { attributes: true });
window.addEventListener("focus", focus);
