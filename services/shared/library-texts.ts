/**
 * What texts of libraries and servers mean, as a part of a sentence ("… (TEXT): start it"). They speak of their own
 * options and parts, which nobody knows who only runs ruawatch. What is not listed stays as it is.
 */
const MEANINGS: readonly [RegExp, string][] = [
  // pg, pg-pool
  [/^Connection terminated due to connection timeout$/, 'Postgres did not answer in time'],
  [/^timeout exceeded when trying to connect$/, 'Postgres did not answer in time, or all connections were in use'],
  [/^(?:Connection terminated(?: unexpectedly)?)$/, 'the connection to Postgres was lost'],
  [/^Client (?:has encountered a connection error|was closed) and is not queryable$/, 'the connection to Postgres was lost'],
  [/^Query read timeout$/, 'Postgres did not answer a query in time'],
  [/^Cannot use a pool after calling end on the pool$/, 'ruawatch is stopping'],
  [/^The server does not support SSL connections$/, 'Postgres does not support SSL connections'],
  [/^SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string$/, 'Postgres demands a password, and the URL has none'],
  // Postgres
  [/^terminating connection due to administrator command$/, 'Postgres was stopped, or an administrator ended the session'],
  [/^terminating connection because of crash of another server process$/, 'Postgres crashed and starts again'],
  [/^the database system is (?:starting up|in recovery mode|not yet accepting connections)$/, 'Postgres is starting'],
  [/^the database system is shutting down$/, 'Postgres is stopping'],
  [/^sorry, too many clients already$/, 'Postgres has no connection free (max_connections)'],
  [/^remaining connection slots are reserved for /, 'Postgres has no connection free (max_connections)'],
  [/^cannot execute [A-Z ]+ in a read-only transaction$/, 'Postgres is a standby or read-only, and changes nothing'],
  [/^canceling statement due to statement timeout$/, 'Postgres gave a query up (statement_timeout)'],
  // ioredis, BullMQ
  [/^Reached the max retries per request limit\b/, 'Redis does not answer'],
  [/^Socket timeout\. Expecting data\b/, 'it accepts connections and answers nothing'],
  [/^Command timed out$/, 'it accepts connections and answers nothing'],
  [/^Connection is closed\b/, 'it closes the connection'],
  [/^Stream isn't writeable\b/, 'Redis is not connected'],
  // Of the reader of Redis' protocol, which ends each of its complaints so.
  [/Please report this\.$|^Protocol error\b/, 'what answers there is no Redis'],
  [/^Missing (?:lock|key) for job\b/, 'another worker has taken or finished the job'],
  [/^job stalled more than allowable limit$/, 'the job was begun too often without an end'],
  // Redis
  [/^NOAUTH\b|^ERR AUTH <password> called without/, 'Redis and REDIS_URL differ on whether there is a password'],
  [/^WRONGPASS\b/, 'Redis refuses the user or password in REDIS_URL'],
  [/^NOPERM\b/, 'the user in REDIS_URL may not do what the queue needs'],
  [/^ERR DB index is out of range\b/, 'it has no database with the number in REDIS_URL'],
  [/^OOM command not allowed\b/, 'Redis has reached its maxmemory'],
  [/^READONLY\b/, 'Redis is a replica, which changes nothing'],
  [/^LOADING\b/, 'Redis is still loading its data'],
  [/^MISCONF\b/, 'Redis cannot write to its disk, and changes nothing'],
  [/^MASTERDOWN\b/, 'Redis is a replica that has lost its master'],
  // imapflow
  [/^(?:Connection not available|Connection closed|Socket is already closed)$/, 'it was closed'],
  [/^Unexpected close$/, 'the server closed it'],
  [/^Failed to receive greeting from server in required time$/, 'the server sends no greeting'],
  [/^Command failed$/, 'the server refused a command'],
  [/^Socket timeout$/, 'no answer came in time'],
  [/^(?:Unexpected|Invalid|Literal)\b.* \[E\d+\b|^Failed to parse the server response\b/, 'the server sends what is no IMAP'],
  // nodemailer
  [/^Greeting never received$/, 'it sends no greeting'],
  [/^Connection timeout$/, 'it does not answer'],
  [/^(?:Connection closed unexpectedly|Server closed the connection)$/, 'it closed the connection'],
  // Node
  [/^read ECONNRESET$|^socket hang up$/, 'the connection was cut (ECONNRESET)'],
  [/^write EPIPE$/, 'the connection was cut (EPIPE)'],
  [
    /^Client network socket disconnected before secure TLS connection was established$/,
    'the connection was closed before TLS was agreed on',
  ],
  [/^This socket has been ended by the other party$/, 'the connection was closed by the other side'],
];

/** The meaning of one text of a library or server on one line; the text itself when it is not listed. */
export function meaningOf(text: string): string {
  return MEANINGS.find(([pattern]) => pattern.test(text))?.[1] ?? text;
}
