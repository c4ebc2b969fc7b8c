import type { Visitor } from '../store/console/rights.ts';
import { assetPath } from './assets.ts';
import { buttonForm } from './form.ts';
import { type Address, fragment, Html, html, path } from './html.ts';
import { words } from './page-words/en.ts';
import { type Answer, type Least, may, type Section } from './routes.ts';

/** The navigation: what every page leads to, for those who may read it. */
const SECTIONS: readonly { section: Section; address: Address; least: Least; all?: boolean }[] = [
  { section: 'overview', address: path`/`, least: 'viewer' },
  { section: 'findings', address: path`/findings`, least: 'viewer' },
  { section: 'reports', address: path`/reports`, least: 'viewer' },
  { section: 'requests', address: path`/requests`, least: 'viewer' },
  { section: 'access', address: path`/access`, least: 'viewer' },
  { section: 'held', address: path`/held`, least: 'operator' },
  { section: 'digest', address: path`/digest`, least: 'viewer' },
  { section: 'health', address: path`/health`, least: 'viewer', all: true },
  { section: 'people', address: path`/people`, least: 'admin', all: true },
];

/** Our own script, which is a file: the policy of pages allows no other. */
const SCRIPT = new Html(`<script src="${assetPath('passkeys.js')}" defer></script>`);

/** A whole page. */
export function layout(
  { title, body, section, script }: Extract<Answer, { is: 'page' }>,
  { visitor, notice }: { visitor: Visitor | null; notice: string | null },
): Html {
  return html`<!doctype html>
<html lang="${words.language}">
<head>
<meta charset="utf-8">
<title>${title} · ruawatch</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<link rel="stylesheet" href="${assetPath('console.css')}">
<link rel="icon" href="${assetPath('icon.svg')}">
${script && SCRIPT}
</head>
<body>
<a class="skip" href="${fragment('content')}">${words.skip}</a>
<header class="top">
<a class="brand" href="${path`/`}">ruawatch</a>
${visitor && navigation(visitor, section)}
</header>
<main id="content">
${notice && html`<p class="notice" role="status">${notice}</p>`}
${body}
</main>
</body>
</html>
`;
}

function navigation(visitor: Visitor, section: Section | undefined): Html {
  const shown = SECTIONS.filter(({ least, all }) => may(visitor, least) && (!all || visitor.scope.all));
  return html`<nav aria-label="${words.navigation}"><ul>
${shown.map(
  (one) =>
    html`<li><a href="${one.address}" aria-current="${one.section === section ? 'page' : 'false'}">${words.sections[one.section]}</a></li>`,
)}
</ul></nav>
<div class="who">
<a href="${path`/account`}" aria-current="${section === 'account' ? 'page' : 'false'}">${visitor.name}</a>
${buttonForm(path`/sign-out`, words.sign_out, { as: 'plain' })}
</div>`;
}
