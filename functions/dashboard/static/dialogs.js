// Buttons with data-open="ID" open that dialog; data-close closes the one around it.
export function listenForDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open]");
    if (opener) {
      document.getElementById(opener.dataset.open)?.showModal();
      return;
    }
    if (event.target.closest("[data-close]")) event.target.closest("dialog").close();
    if (event.target.closest("[data-refused]")) event.preventDefault();
  });
}
