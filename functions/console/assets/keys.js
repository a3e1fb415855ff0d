// Lists by their arrows: a conversation has three controls, and Tab alone would stop at each of them.

const STEPS = { ArrowDown: 1, ArrowUp: -1 };

export function moveInLists() {
  document.addEventListener("keydown", (event) => {
    const { part } = event.target.dataset ?? {};
    if (!part || !(event.key in STEPS) || event.ctrlKey || event.metaKey || event.altKey) return;
    const same = [...event.target.closest("ul").querySelectorAll(`[data-part=${part}]`)];
    const next = same[same.indexOf(event.target) + STEPS[event.key]];
    event.preventDefault();
    next?.focus();
  });
}
