// Asks every service of SERVICES (a JSON object of URLs) and the console whether they are ready.
// Ends with 1 and a line for each that is not after two minutes.
import { request } from 'node:http';

const { SERVICES, CONSOLE, CONSOLE_HOST, PATIENCE_SECONDS = '120' } = process.env;
const asked = Object.entries(JSON.parse(SERVICES)).map(([name, url]) => ({ name, url, headers: {} }));
if (CONSOLE) asked.push({ name: "console's pages", url: CONSOLE, headers: { host: CONSOLE_HOST } });

/** null when it is ready, else what it says. */
const trouble = ({ url, headers }) =>
  new Promise((resolve) => {
    const asking = request(url, { headers, timeout: 10_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (part) => (body += part));
      response.on('end', () => resolve(response.statusCode === 200 ? null : `${response.statusCode} ${body.trim()}`));
      response.on('error', (error) => resolve(error.message));
    });
    asking.on('timeout', () => asking.destroy(new Error('no answer for ten seconds')));
    asking.on('error', (error) => resolve(error.message || error.code));
    asking.end();
  });

const until = Date.now() + 1000 * Number(PATIENCE_SECONDS);
let waiting = asked;
for (;;) {
  const answers = await Promise.all(waiting.map(async (one) => ({ ...one, said: await trouble(one) })));
  for (const { name, said } of answers) if (said === null) console.log(`${name}: ready`);
  waiting = answers.filter(({ said }) => said !== null);
  if (waiting.length === 0) break;
  if (Date.now() > until) {
    for (const { name, said } of waiting) console.log(`${name}: ${said}`);
    process.exit(1);
  }
  await new Promise((resolve) => setTimeout(resolve, 2_000));
}
