import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** A statement that a log has. */
export interface LoggedStatement {
  /** As the server writes it, with its zone. */
  at: string;
  database: string;
  statement: string;
}

const STATEMENT = /^(?:statement|execute [^:]*): ([\s\S]*)$/;

/**
 * The statements of a role in the logs of a Postgres (log_destination jsonlog or csvlog), in the order of
 * their files' names.
 * @param folder of the log files; others than *.json and *.csv are left out
 * @throws Error of the file system
 */
export async function* statementsOf(folder: string, role: string): AsyncGenerator<LoggedStatement> {
  const files = (await readdir(folder)).filter((name) => /\.(?:json|csv)$/.test(name)).sort();
  // A server that writes both has each statement twice.
  const json = files.filter((name) => name.endsWith('.json'));
  for (const name of json.length > 0 ? json : files) {
    const file = path.join(folder, name);
    for await (const found of name.endsWith('.json') ? fromJson(file) : fromCsv(file)) {
      const statement = STATEMENT.exec(found.message)?.[1];
      if (found.user === role && statement !== undefined) yield { at: found.at, database: found.database, statement };
    }
  }
}

interface Row {
  at: string;
  user: string;
  database: string;
  message: string;
}

async function* fromJson(file: string): AsyncGenerator<Row> {
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    let row: Record<string, unknown>;
    try {
      row = JSON.parse(line) as Record<string, unknown>;
    } catch {
      // The last line of a file that is being written.
      continue;
    }
    yield {
      at: String(row.timestamp),
      user: String(row.user ?? ''),
      database: String(row.dbname ?? ''),
      message: String(row.message ?? ''),
    };
  }
}

/** The columns of csvlog that are read, by their place. */
const CSV = { at: 0, user: 1, database: 2, message: 13 };

/** CSV with quotes, as Postgres writes it: a field may have line feeds. */
async function* fromCsv(file: string): AsyncGenerator<Row> {
  let fields: string[] = [''];
  let quoted = false;
  let before = '';
  for await (const chunk of createReadStream(file, 'utf8') as AsyncIterable<string>) {
    for (const one of chunk) {
      if (one === '"') {
        // Two quotes in a row are one.
        if (!quoted && before === '"') fields[fields.length - 1] += '"';
        quoted = !quoted;
      } else if (one === ',' && !quoted) fields.push('');
      else if (one === '\n' && !quoted) {
        yield {
          at: fields[CSV.at]!,
          user: fields[CSV.user] ?? '',
          database: fields[CSV.database] ?? '',
          message: fields[CSV.message] ?? '',
        };
        fields = [''];
      } else fields[fields.length - 1] += one;
      before = one;
    }
  }
}
