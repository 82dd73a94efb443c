// What every page needs: times, forms, dialogs, and staying up to date.
import { watchCharts } from "./charts.js";
import { listenForDialogs } from "./dialogs.js";
import { keepUpToDate } from "./live.js";
import { listenForRetraining } from "./retrain.js";
import { keepTimes, showTimes, tellZone } from "./times.js";

showTimes(document);
tellZone();
keepTimes();
listenForDialogs();
listenForRetraining();
watchCharts(document);
keepUpToDate();

document.addEventListener("click", (event) => {
  const dismiss = event.target.closest("[data-dismiss]");
  if (!dismiss) return;
  dismiss.parentElement.remove();
  document.getElementById("main").focus(); // which has gone with the button
});
// Twice pressed is once meant. What a person comes back to can be pressed again.
let sent = new WeakSet();
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (sent.has(event.target)) event.preventDefault();
  sent.add(event.target);
});
window.addEventListener("pageshow", () => {
  sent = new WeakSet();
});
