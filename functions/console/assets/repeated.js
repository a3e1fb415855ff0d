// What a view does again and again for as long as it is shown.

// A failure is told once until it works again, and ends nothing. Answers how to stop.
export function repeated(act, milliseconds, explain) {
  let isOver = false;
  let isTold = false;
  let timer = 0;
  const wait = () => (timer = setTimeout(run, milliseconds));

  async function run() {
    try {
      if (!document.hidden) await act();
      isTold = false;
    } catch (error) {
      if (!isOver && !isTold) explain(error);
      isTold = true;
    }
    if (!isOver) wait();
  }

  wait();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
