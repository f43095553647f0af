// A resumable upload from a browser, by XMLHttpRequest and nothing else.
//
//     const upload = new Upload(file, 'https://uploads.example.com/photos')
//     upload.addEventListener('change', () => draw(upload.state, upload.sent))
//     upload.start()
//
// The protocol is the IETF's Resumable Uploads for HTTP. Its 104 response, which tells
// the URL of an upload while the first request is still being sent, is not shown to
// scripts. So the URL is asked for first, by an empty POST that says that more follows;
// then the bytes are sent there. After a failure the server is asked how many it has.
// The one invariant: only the server says where to go on.

const VERSION = '8' // of the protocol; drafts 09 to 11 speak it
const PART = 16 * 2 ** 20 // bytes of one request; servers in front often have a bound
const SILENCE = 30_000 // ms without a byte moving, after which a connection is dead
const LONGEST_PAUSE = 30 // seconds between two attempts
const MOST_ERRORS = 8 // answers in a row that say "not now", before giving up

class Failure extends Error {
  // An answer that is not what was hoped for, or none (status 0).
  constructor(method, { status, field }) {
    super(status ? `${method} was answered ${status}` : `no answer to ${method}`)
    this.method = method
    this.status = status
    this.retryAfter = Number(field('Retry-After')) || 0
  }

  // Whether asking the server where it stands, and going on from there, may help. After
  // a 409, too: Chromium repeats a request by itself when a connection that it had kept
  // is reset, and the server, which has had some of its bytes, does not take them twice.
  get passes() {
    if (this.status >= 500 || [0, 408, 429].includes(this.status)) return true
    return this.method !== 'POST' && [404, 409, 410].includes(this.status)
  }
}

export class Upload extends EventTarget {
  // then sending, waiting (for the next attempt), paused, done, failed or cancelled
  state = 'new'
  offset = 0 // bytes that the server has said it has
  sent = 0 // bytes given to the network; a cut may have lost those past `offset`
  saved = 0 // bytes that starting over, each time, would have sent again
  answer = null // of the application, once done: { status, text, field(name) }
  error = null // why it failed
  #url = null
  #key
  #stop = new AbortController()

  // storage: where its URL is remembered, for this file to be found again after a
  // reload. Whoever knows the URL can continue the upload: keep it as you keep a cookie.
  constructor(file, endpoint, { storage = localStorage, part = PART } = {}) {
    super()
    Object.assign(this, { file, endpoint, storage, part })
    const { name, size, lastModified } = file
    this.#key = `upload ${JSON.stringify([endpoint, name, size, lastModified])}`
    this.#url = storage.getItem(this.#key)
  }

  // Begin, or go on after a pause or a failure.
  start() {
    if (['sending', 'waiting', 'done'].includes(this.state)) return
    this.#stop = new AbortController()
    this.#run(this.#stop.signal)
  }

  pause() {
    if (!['sending', 'waiting'].includes(this.state)) return
    this.#stop.abort()
    this.#become('paused')
  }

  // Give it up: the server removes what it has.
  async cancel() {
    this.#stop.abort()
    this.#become('cancelled')
    if (this.#url) await this.#request('DELETE', this.#url).catch(() => {})
    this.#remember(null)
  }

  async #run(signal) {
    for (let failures = 0; !signal.aborted; ) {
      const before = this.offset
      this.#become('sending')
      try {
        this.answer = await this.#attempt(signal)
        this.#remember(null)
        return this.#become('done')
      } catch (error) {
        if (signal.aborted) return
        failures = this.offset > before ? 1 : failures + 1
        this.error = error
        const hopeless = error.status && failures > MOST_ERRORS
        if (!error.passes || hopeless) return this.#become('failed')
        this.#become('waiting')
        await patience(failures, error.retryAfter, signal)
      }
    }
  }

  // From wherever it stands to the application's answer.
  async #attempt(signal) {
    if (this.#url) await this.#ask(signal)
    if (!this.#url) await this.#create(signal)
    for (;;) {
      const answer = await this.#append(signal)
      if (answer) return answer
    }
  }

  // POST: the fields are those that the application gets, with the whole file, at last.
  async #create(signal) {
    const fields = {
      'Content-Type': this.file.type || 'application/octet-stream',
      'Content-Disposition': `attachment; filename*=UTF-8''${escaped(this.file.name)}`,
      'Upload-Complete': '?0',
      'Upload-Length': this.file.size,
    }
    const answer = await this.#request('POST', this.endpoint, { fields, signal })
    const url = answer.field('Location')
    if (answer.status !== 201 || !url) throw new Failure('POST', answer)
    this.#remember(new URL(url, this.endpoint).href)
    this.#at(0)
  }

  // HEAD: how far did it get?
  async #ask(signal) {
    const answer = await this.#request('HEAD', this.#url, { signal })
    if ([404, 410].includes(answer.status)) return this.#remember(null) // begin anew
    if (!answer.good) throw new Failure('HEAD', answer)
    this.#at(Number(answer.field('Upload-Offset')))
    this.saved += this.offset
  }

  // PATCH: the next part. The answer to the last one is the application's own; null
  // when more is to follow. A slice of a file takes no memory, however long it is.
  async #append(signal) {
    const end = Math.min(this.offset + this.part, this.file.size)
    const last = end === this.file.size
    const fields = {
      'Content-Type': 'application/partial-upload',
      'Upload-Offset': this.offset,
      'Upload-Complete': last ? '?1' : '?0',
    }
    const content = this.file.slice(this.offset, end)
    const answer = await this.#request('PATCH', this.#url, { fields, content, signal })
    const complete = answer.field('Upload-Complete') === '?1' // whatever the status
    if (!complete && !answer.good) throw new Failure('PATCH', answer)
    this.#at(end)
    return complete || last ? answer : null
  }

  // One request. An event `exchange` tells of it when it begins, with no answer yet, and
  // once more when it has ended. Without an answer it throws.
  #request(method, url, { fields = {}, content = null, signal } = {}) {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const xhr = new XMLHttpRequest()
      const offset = this.offset
      const exchange = { method, url, fields, content, answer: null }
      let watch
      const alive = () => {
        clearTimeout(watch)
        watch = setTimeout(() => xhr.abort(), SILENCE)
      }
      xhr.open(method, url)
      xhr.setRequestHeader('Upload-Draft-Interop-Version', VERSION)
      for (const name in fields) xhr.setRequestHeader(name, fields[name])
      xhr.upload.onprogress = ({ loaded }) => {
        alive()
        this.sent = offset + loaded
        this.#tell('change')
      }
      xhr.onloadend = () => {
        clearTimeout(watch)
        const { status, responseText: text } = xhr
        const field = (name) => (status ? xhr.getResponseHeader(name) : null)
        const answer = { status, text, field, good: status >= 200 && status < 300 }
        this.#tell('exchange', Object.assign(exchange, { answer }))
        status ? resolve(answer) : reject(new Failure(method, answer))
      }
      signal?.addEventListener('abort', () => xhr.abort(), { once: true })
      alive()
      this.#tell('exchange', exchange)
      xhr.send(content)
    })
  }

  #at(offset) {
    this.offset = this.sent = offset
    this.#tell('change')
  }

  #become(state) {
    this.state = state
    this.#tell('change')
  }

  #remember(url) {
    this.#url = url
    if (url) this.storage.setItem(this.#key, url)
    else this.storage.removeItem(this.#key)
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}

// Wait, longer after each failure and never in step with other clients, or until the
// network is back, or `signal` says that nobody waits any more.
async function patience(failures, atLeast, signal) {
  const pause = Math.min(LONGEST_PAUSE, 2 ** failures / 4) * (0.5 + Math.random() / 2)
  const over = new AbortController()
  await new Promise((resolve) => {
    const once = { signal: over.signal }
    if (navigator.onLine) setTimeout(resolve, 1000 * Math.max(pause, atLeast))
    addEventListener('online', resolve, once)
    signal.addEventListener('abort', resolve, once)
  })
  over.abort()
}

// A file name as RFC 8187 has it in a field.
function escaped(name) {
  const code = (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`
  return encodeURIComponent(name).replace(/['()*]/g, code)
}
