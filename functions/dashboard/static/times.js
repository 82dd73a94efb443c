// Times in the viewer's own zone and language.
const locale = document.documentElement.lang;
const forms = {
  datetime: new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }),
  date: new Intl.DateTimeFormat(locale, { dateStyle: "medium" }),
  clock: new Intl.DateTimeFormat(locale, { timeStyle: "medium" }),
};
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
const units = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];

function ago(moment) {
  const seconds = (moment - Date.now()) / 1000;
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  }
  return relative.format(Math.trunc(seconds), "second");
}

export function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    const form = time.dataset.format;
    time.textContent = form === "relative" ? ago(moment) : (forms[form] ?? forms.datetime).format(moment);
    time.title = forms.datetime.format(moment);
  }
}
