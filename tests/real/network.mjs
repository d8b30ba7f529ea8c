// The Bluesky network in a box: a PDS, an AppView and the directory of DIDs between them, on loopback.
// Prints one line of JSON with their addresses; each line on stdin is answered by "{}" once all that was posted
// before it can be seen everywhere; ends when stdin closes, so that nothing is left when the tests die.
import net from 'node:net'
import { createInterface } from 'node:readline'

// dev-env listens on every interface, with a password that is known: keep it to this machine.
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (port, ...rest) {
  return typeof port === 'number' ? listen.call(this, port, '127.0.0.1', ...rest) : listen.call(this, port, ...rest)
}

process.env.REDIS_HOST ??= 'none' // asked for by dev-env, used by nothing in it
const { TestNetwork } = await import('@atproto/dev-env')
const network = await TestNetwork.create({ dbPostgresUrl: process.env.POSTGRES_URL, dbPostgresSchema: 'real' })
console.log(JSON.stringify({ pds: network.pds.url, appview: network.bsky.url }))
for await (const _ of createInterface({ input: process.stdin })) {
  await network.processAll(60_000)
  console.log('{}')
}
await network.close()
process.exit(0)
