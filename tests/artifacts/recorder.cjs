/*
 * Loaded before everything else: tells the parent where the process listens, and of every connection and look-up that it
 * wants, which is refused unless it is for loopback.
 */
const dgram = require("node:dgram");
const dns = require("node:dns");
const net = require("node:net");

const isLoopback = (host) => host === undefined || host === "localhost" || /^127\.|^::1$/.test(host);

function tell(what) {
  if (process.send) process.send({ outgoing: what });
  else require("node:fs").writeSync(2, `outgoing ${what}\n`);
}

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
  const [options] = Array.isArray(given[0]) ? given[0] : [given[0]];
  const host =
    typeof options === "object" ? (options.host ?? options.path) : typeof given[1] === "string" ? given[1] : undefined;
  if (isLoopback(host)) return connect.apply(this, given);
  tell(host);
  process.nextTick(() => this.destroy(Object.assign(new Error("refused by the test"), { code: "ECONNREFUSED" })));
  return this;
};

for (const resolver of [dns, dns.promises]) {
  for (const name of Object.keys(resolver).filter((one) => /^(?:lookup|resolve|reverse)/.test(one))) {
    const original = resolver[name];
    resolver[name] = (host, ...rest) => {
      if (!isLoopback(host)) tell(host);
      return original.call(resolver, isLoopback(host) ? host : "127.0.0.1", ...rest);
    };
  }
}

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (...given) {
  // Who is told may send a signal: whoever takes those over once it listens has to be done.
  this.once("listening", () => setImmediate(() => process.send?.({ listening: this.address().port })));
  return listen.apply(this, given);
};

const send = dgram.Socket.prototype.send;
dgram.Socket.prototype.send = function (...given) {
  tell("udp");
  return send.apply(this, given);
};
