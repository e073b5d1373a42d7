import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What it does wrong with one request to create a message. `garbage`, `hang`, `reset` and `error` have made the message
 * all the same; the others have not.
 */
export type TwilioFault =
  | 'none'
  | 'garbage'
  | 'hang'
  | 'reset'
  | 'error'
  | 'lost_hang'
  | 'lost_error'
  | { status: number; code: number | null; message?: string };

export interface LoopbackMessage {
  sid: string;
  to: string;
  from: string;
  body: string;
  status: string;
  createdMs: number;
  /** As they were posted. */
  form: Record<string, string>;
  statusCallback: string | null;
}

export interface LoopbackTwilio {
  url: string;
  messages: LoopbackMessage[];
  /** Every request to create, made or not. */
  requests: Record<string, string>[];
  listed: number;
  /** What the next requests suffer; default: none. */
  fault: (form: Record<string, string>, nth: number) => TwilioFault;
  /** The request of the status callback as Twilio makes and signs it. */
  callback(message: LoopbackMessage, status: string, code?: number): SignedCall;
  /** A message from a user, as Twilio posts it to the address of the sender. */
  inbound(url: string, from: string, text: string): SignedCall;
  close(): Promise<void>;
}

export interface SignedCall {
  url: string;
  headers: { 'X-Twilio-Signature': string; 'Content-Type': string };
  body: string;
}

/** The text a content SID stands for. */
export type Contents = Readonly<Record<string, string>>;

export interface LoopbackOptions {
  accountSid: string;
  authToken: string;
  contents: Contents;
  nowMs?: () => number;
  port?: number;
}

/** Twilio's Messages API on this machine: it remembers, lists, refuses and signs like the real one. */
export async function loopbackTwilio(options: LoopbackOptions): Promise<LoopbackTwilio> {
  const { accountSid, authToken, contents, nowMs = () => Date.now() } = options;
  const messages: LoopbackMessage[] = [];
  const requests: Record<string, string>[] = [];
  const path = `/2010-04-01/Accounts/${accountSid}/Messages.json`;
  const auth = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`;

  const create = (form: Record<string, string>): LoopbackMessage => {
    const message: LoopbackMessage = {
      sid: `SM${randomBytes(16).toString('hex')}`,
      to: form['To'] ?? '',
      from: form['From'] ?? '',
      body: bodyOf(form, contents),
      status: 'queued',
      createdMs: nowMs(),
      form,
      statusCallback: form['StatusCallback'] ?? null,
    };
    messages.push(message);
    return message;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://loopback');
    const [, contentSid, approval] = /^\/v1\/Content\/(HX[0-9a-f]{32})(\/ApprovalRequests)?$/.exec(url.pathname) ?? [];
    const content = contents[contentSid ?? ''];
    if (content !== undefined) {
      const types = { 'twilio/text': { body: content } };
      const whatsapp = { status: 'approved', category: 'UTILITY' };
      json(response, 200, { sid: contentSid, ...(approval ? { whatsapp } : { types, variables: {} }) });
      return;
    }
    if (url.pathname !== path) {
      json(response, 404, { code: 20404, message: 'not found', status: 404 });
      return;
    }
    if (request.headers.authorization !== auth) {
      json(response, 401, { code: 20003, message: 'Authenticate', status: 401 });
      return;
    }
    if (request.method === 'GET') {
      twilio.listed += 1;
      const to = url.searchParams.get('To');
      const from = url.searchParams.get('From');
      const found = messages.filter((one) => (to === null || one.to === to) && (from === null || one.from === from));
      json(response, 200, { messages: found.map(resource).toReversed(), next_page_uri: null, page: 0 });
      return;
    }
    const form = await formOf(request);
    requests.push(form);
    const refused = illegal(form);
    if (refused !== null) json(response, 400, { code: refused, message: 'refused', status: 400 });
    else suffer(response, twilio.fault(form, requests.length), () => create(form));
  };

  const server = createServer((request, response) => void answer(request, response));
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const signed = (url: string, fields: Record<string, string>): SignedCall => {
    const sorted = Object.keys(fields).toSorted();
    const data = sorted.reduce((text, name) => text + name + fields[name], url);
    const signature = createHmac('sha1', authToken).update(data, 'utf8').digest('base64');
    const headers = { 'X-Twilio-Signature': signature, 'Content-Type': 'application/x-www-form-urlencoded' };
    return { url, headers, body: new URLSearchParams(fields).toString() };
  };

  const twilio: LoopbackTwilio = {
    url: `http://127.0.0.1:${port}`,
    messages,
    requests,
    listed: 0,
    fault: () => 'none',
    callback(message, status, code) {
      if (message.statusCallback === null) throw new Error('no address was given for the status');
      const about = { MessageSid: message.sid, AccountSid: accountSid, To: message.to, From: message.from };
      const more = { ApiVersion: '2010-04-01', ChannelPrefix: 'whatsapp', SomethingNew: 'of tomorrow' };
      const error = code === undefined ? {} : { ErrorCode: String(code) };
      return signed(message.statusCallback, { ...about, ...more, ...error, MessageStatus: status });
    },
    inbound(url, from, text) {
      const sid = `SM${randomBytes(16).toString('hex')}`;
      const about = { MessageSid: sid, SmsStatus: 'received', AccountSid: accountSid, ProfileName: 'Asha' };
      return signed(url, { ...about, From: from, To: 'whatsapp:+14155238886', Body: text, NumMedia: '0' });
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return twilio;
}

/** What the message says: its body, or the template with its variables. */
function bodyOf(form: Record<string, string>, contents: Contents): string {
  const contentSid = form['ContentSid'];
  if (contentSid === undefined) return form['Body'] ?? '';
  const variables = JSON.parse(form['ContentVariables'] ?? '{}') as Record<string, string>;
  return (contents[contentSid] ?? '').replace(/\{\{(\d+)\}\}/g, (_, slot: string) => variables[slot] ?? '');
}

/** The codes of what WhatsApp and Twilio refuse as it is. */
function illegal(form: Record<string, string>): number | null {
  if (!/^(whatsapp:)?\+[1-9]\d{6,14}$/.test(form['To'] ?? '')) return 21211;
  if ((form['Body'] ?? '').length > 1600) return 21617;
  if (form['ContentSid'] === undefined) return form['Body'] === undefined || form['Body'] === '' ? 21619 : null;
  if (!/^HX[0-9a-fA-F]{32}$/.test(form['ContentSid'])) return 21655;
  const values = Object.values(JSON.parse(form['ContentVariables'] ?? '{}') as Record<string, unknown>);
  const good = (value: unknown) => typeof value === 'string' && value !== '' && !/[\n\r\t]| {5}/.test(value);
  return values.every(good) ? null : 21656;
}

function suffer(response: ServerResponse, fault: TwilioFault, create: () => LoopbackMessage): void {
  if (typeof fault === 'object') {
    const { status, code, message = 'refused' } = fault;
    if (code === null) text(response, status, message);
    else json(response, status, { code, message, status });
    return;
  }
  if (fault === 'lost_error') text(response, 503, '<html>Service Unavailable</html>');
  if (fault.startsWith('lost')) return;
  const created = create();
  if (fault === 'garbage') text(response, 201, '<html>Created, or so</html>');
  if (fault === 'error') text(response, 502, '<html>Bad Gateway</html>');
  if (fault === 'reset') response.destroy();
  if (fault === 'none') json(response, 201, resource(created));
}

function resource({ sid, to, from, body, status, createdMs }: LoopbackMessage): object {
  const date = new Date(createdMs).toUTCString().replace('GMT', '+0000');
  const nothing = { date_sent: null, error_code: null, error_message: null, price: null, messaging_service_sid: null };
  return { sid, to, from, body, status, date_created: date, direction: 'outbound-api', num_segments: '1', ...nothing };
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'Content-Type': 'text/html' }).end(body);
}

async function formOf(request: IncomingMessage): Promise<Record<string, string>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString('utf8')));
}
