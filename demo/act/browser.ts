/**
 * A person at the console, who does what a browser does: keeps the cookie, and sends the forms of the pages.
 */
export class DemoBrowser {
  private readonly jar = new Map<string, string>();
  private readonly base: string;

  /** @param base of the console, such as http://localhost:9808 */
  constructor(base: string) {
    this.base = base;
  }

  /** Opens a page. */
  async get(path: string): Promise<string> {
    const response = await this.send(path, { method: 'GET' });
    return response.text();
  }

  /**
   * Opens a page and sends one of its forms.
   * @throws Error when the page has no such form, or the console refuses it
   */
  async submit(page: string, action: string, fields: Record<string, string> = {}): Promise<void> {
    const html = await this.get(page);
    const form = formIn(html, action);
    if (form === undefined) throw new Error(`The page ${page} has no form ${action}.`);
    const hidden = [...form.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [
      name!,
      value!,
    ]);
    const body = new URLSearchParams({ ...Object.fromEntries(hidden), ...fields }).toString();
    const response = await this.send(action, {
      method: 'POST',
      body,
      headers: { origin: this.base, 'content-type': 'application/x-www-form-urlencoded' },
    });
    if (response.status >= 400) {
      const said = /role="alert">([^<]+)|<h1>([^<]+)/.exec(await response.text());
      throw new Error(`The console refused ${action}: ${said?.[1] ?? said?.[2] ?? response.status}`);
    }
  }

  private async send(path: string, init: RequestInit): Promise<Response> {
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(`${this.base}${path}`, {
      ...init,
      redirect: 'manual',
      headers: { ...(init.headers as Record<string, string> | undefined), cookie },
    });
    for (const text of response.headers.getSetCookie()) {
      const [name, value] = text.split(';')[0]!.split('=') as [string, string];
      if (value === '') this.jar.delete(name);
      else this.jar.set(name, value);
    }
    return response;
  }
}

/** The form of a page that is sent to a path. */
function formIn(html: string, action: string): string | undefined {
  const found = [...html.matchAll(/<form\b[^>]*>/g)].find(
    ([tag]) => tag.includes(' method="post"') && tag.includes(` action="${action}"`),
  );
  return found && html.slice(found.index, html.indexOf('</form>', found.index));
}
