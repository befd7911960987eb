// Uses the pages of the service as a person would, in Chromium, and says what happened.
//
//   node testing/browser/pages.mjs SCENARIO <input.json >result.json
//
// Needs TEST_NODE_MODULES and TEST_CHROMIUM, which `cargo xtask test` sets. It judges nothing: the
// test that runs it compares the result. What cannot be done at all (no such field, no answer)
// ends it with status 1 and the reason on stderr.
//
// Input:  { link, password?, newPassword?, code?, shots? }, `shots` a folder for screenshots.
// Result: { url, heading, message, console, requests, fragmentLeft, hasHorizontalScroll }, where
//         `console` holds errors and violations of the content security policy, `fragmentLeft`
//         tells whether a token stood in the address bar after a page was loaded, and
//         `hasHorizontalScroll` whether any page was wider than the screen it was looked at on.

import { createRequire } from "node:module";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const PHONE = { width: 360, height: 740 };
const DESKTOP = { width: 1024, height: 768 };
// The narrowest at which nothing may be cut off (WCAG 2.2, 1.4.10).
const NARROW = { width: 320, height: 640 };
const WITHOUT_SCRIPT = { javaScriptEnabled: false };

const SCENARIOS = {
  verify: { steps: [typePassword, submit] },
  "verify-without-script": { context: WITHOUT_SCRIPT, steps: [typeCode, typePassword, submit] },
  "verify-discard": { steps: [discard, typeNewPassword, submit] },
  confirm: { steps: [typePassword, submit] },
  "confirm-without-script": { context: WITHOUT_SCRIPT, steps: [typeCode, typePassword, submit] },
  reset: { steps: [typeNewPassword, submit] },
  "reset-without-script": { context: WITHOUT_SCRIPT, steps: [typeCode, typeNewPassword, submit] },
  look: { steps: [look] },
};

async function typePassword({ page, input }) {
  await page.getByLabel("Your password", { exact: true }).fill(input.password);
}

async function typeNewPassword({ page, input }) {
  await page.getByLabel("New password", { exact: true }).fill(input.newPassword);
}

async function typeCode({ page, input }) {
  await page.getByLabel("Code from the mail", { exact: true }).fill(input.code);
}

async function submit(visit) {
  await visit.shoot("filled");
  await answerTo(visit, () => visit.page.locator("form > button[type=submit]").click());
}

async function discard(visit) {
  await visit.page.locator("summary").click();
  await visit.shoot("opened");
  await answerTo(visit, () => visit.page.locator("button[name=discard]").click());
}

// Takes the page as it is in every size and colour scheme.
async function look(visit) {
  const sizes = { narrow: NARROW, phone: PHONE, desktop: DESKTOP };
  for (const [size, viewport] of Object.entries(sizes)) {
    await visit.page.setViewportSize(viewport);
    for (const colorScheme of ["light", "dark"]) {
      await visit.page.emulateMedia({ colorScheme });
      await visit.shoot(`${size}-${colorScheme}`);
    }
    await visit.measure();
  }
}

// Does what posts a form, and waits until the page that answers is there.
async function answerTo(visit, act) {
  // Listened for first: the answer may be faster than we are.
  const answered = visit.page.waitForEvent("framenavigated", isMain);
  await Promise.all([answered, act()]);
  await visit.page.waitForLoadState("load");
  await visit.measure();
  await visit.shoot("answered");
}

function isMain(frame) {
  return frame.parentFrame() === null;
}

// One page in one browser, and what is noticed on the way.
class Visit {
  constructor(scenario, page, input) {
    Object.assign(this, { scenario, page, input });
    this.console = [];
    this.requests = [];
    this.fragmentLeft = false;
    this.hasHorizontalScroll = false;
    page.on("console", (said) => {
      if (said.type() === "error") this.console.push(said.text());
    });
    page.on("pageerror", (error) => this.console.push(String(error)));
    page.on("request", (request) => this.requests.push(request.url()));
  }

  async measure() {
    this.fragmentLeft ||= new URL(this.page.url()).hash !== "";
    const isWider = () => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return scrollWidth > clientWidth;
    };
    this.hasHorizontalScroll ||= await this.page.evaluate(isWider);
  }

  async shoot(name) {
    if (!this.input.shots) return;
    const page = new URL(this.page.url()).pathname.split("/").at(-1);
    const file = `${this.scenario}-${page}-${name}.png`;
    await this.page.screenshot({ path: join(this.input.shots, file), fullPage: true });
  }

  async result() {
    return {
      url: this.page.url(),
      heading: await this.page.locator("main h2").innerText(),
      message: await this.page.locator("main").innerText(),
      console: this.console,
      requests: this.requests,
      fragmentLeft: this.fragmentLeft,
      hasHorizontalScroll: this.hasHorizontalScroll,
    };
  }
}

async function run(name, input) {
  const scenario = SCENARIOS[name];
  if (!scenario) throw new Error(`there is no scenario "${name}"`);
  const modules = required("TEST_NODE_MODULES");
  const { chromium } = createRequire(join(modules, "package.json"))("playwright-core");
  const browser = await chromium.launch({ executablePath: required("TEST_CHROMIUM") });
  try {
    const context = await browser.newContext({ viewport: PHONE, ...scenario.context });
    const visit = new Visit(name, await context.newPage(), input);
    await visit.page.goto(input.link);
    await visit.measure();
    for (const step of scenario.steps) await step(visit);
    return await visit.result();
  } finally {
    await browser.close();
  }
}

function required(variable) {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set: run \`cargo xtask services status\``);
  return value;
}

const result = await run(process.argv[2], JSON.parse(await text(process.stdin)));
console.log(JSON.stringify(result));
