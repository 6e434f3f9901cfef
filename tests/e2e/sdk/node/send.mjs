// Sends one message of each kind through the official SDK, then says what failed.
import { Analytics } from '@segment/analytics-node'

const [host, writeKey] = process.argv.slice(2)
const errors = []
const analytics = new Analytics({ host, writeKey, maxRetries: 1, flushAt: 3 })
analytics.on('error', (error) => errors.push(error))

analytics.identify({ userId: 'u-1', traits: { email: 'lin@example.com', phone: '+1 202-555-0142', name: '林' } })
analytics.track({
  userId: 'u-1',
  event: 'Order Completed',
  properties: { revenue: 58.5, currency: 'CNY' },
  timestamp: new Date(Date.now() - 300 * 24 * 3600 * 1000),
  messageId: 'order-1',
})
analytics.page({ anonymousId: 'a-1', category: 'Docs', name: 'Home', properties: { url: 'https://shop.example.com/' } })
analytics.screen({ anonymousId: 'a-1', name: 'Booking' })
analytics.group({ userId: 'u-1', groupId: 'acme', traits: { name: 'Acme' } })
analytics.alias({ userId: 'u-1', previousId: 'a-1' })
await analytics.closeAndFlush({ timeout: 20000 })
console.log(JSON.stringify(errors.map((error) => ({ code: error.code, reason: String(error.reason) }))))
