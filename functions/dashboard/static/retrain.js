// Links to the page that asks for a retraining show its form as a dialog over the page they are on.
// Where that fails for whatever reason, they lead there as links do.
const place = /^\/[a-z]{2}\/ml-training\/retrain$/;

export function listenForRetraining() {
  if (place.test(location.pathname)) return;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || !place.test(link.pathname) || event.defaultPrevented) return;
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(link);
  });
}

const patienceMs = 10000;
let opening = false;
async function open(link) {
  if (opening) return;
  opening = true;
  try {
    const answer = await fetch(link.href, {
      headers: { Accept: "text/html" },
      signal: AbortSignal.timeout(patienceMs),
    });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    show(page.getElementById("retrain-form"));
  } catch {
    location.href = link.href;
  }
  opening = false;
}

function show(form) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "retrain-title");
  dialog.append(document.adoptNode(form));
  const heading = dialog.querySelector("h1");
  const title = document.createElement("h2");
  title.id = heading.id;
  title.textContent = heading.textContent;
  heading.replaceWith(title);
  const leave = dialog.querySelector("[data-leave]");
  const close = document.createElement("button");
  close.type = "button";
  close.className = "plain";
  close.dataset.close = "";
  close.textContent = leave.textContent;
  leave.replaceWith(close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
