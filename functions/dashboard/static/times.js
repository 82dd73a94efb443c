// Times in the viewer's own zone and language.
// As the server writes them: 24 Nov 2026, 13:27.
const locale = { en: "en-GB" }[document.documentElement.lang] ?? document.documentElement.lang;
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

export function showTimes(root, which = "") {
  for (const time of root.querySelectorAll(`time[datetime]${which}`)) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    const form = time.dataset.format;
    time.textContent = form === "relative" ? ago(moment) : (forms[form] ?? forms.datetime).format(moment);
    time.title = forms.datetime.format(moment);
  }
}

// Sentences with times in them are made by the server: it is told the zone for its next answer.
export function tellZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `refit-zone=${timeZone}; path=/; max-age=31536000; SameSite=Strict${secure}`;
}

// "3 minutes ago" grows older while one looks at it.
export function keepTimes() {
  setInterval(() => showTimes(document, '[data-format="relative"]'), 15000);
}
