// One upload with tus-js-client, as the JSON in the first argument wants it.
//
// Prints a line of JSON for every thing that happens: {"url"} once the upload has one,
// then how it ended: {"ended": "success" | "error" | "aborted", ...} with every request
// that was made. A line "abort" or "terminate" on standard input does just that.
import { createReadStream, readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { createInterface } from 'node:readline'
import * as tus from 'tus-js-client'

const { path, source, storage, options } = JSON.parse(process.argv[2])

const sources = {
  buffer: () => readFileSync(path),
  file: () => createReadStream(path),
  // a stream that does not tell that there is a file behind it, nor how long it is
  stream: () => createReadStream(path).pipe(new PassThrough()),
}

const requests = []

function say(words) {
  process.stdout.write(`${JSON.stringify(words)}\n`)
}

function end(ended, more = {}) {
  say({ ended, url: upload.url, requests, ...more })
  // whatever still hangs on a connection must not keep the process
  process.exit(0)
}

const upload = new tus.Upload(sources[source](), {
  retryDelays: null,
  ...(storage ? { urlStorage: new tus.FileUrlStorage(storage) } : {}),
  ...options,
  onUploadUrlAvailable: () => say({ url: upload.url }),
  onAfterResponse: (request, response) => {
    requests.push({
      method: request.getMethod(),
      status: response.getStatus(),
      complete: request.getHeader('Upload-Complete') ?? null,
      offset: response.getHeader('Upload-Offset') ?? null,
    })
  },
  onSuccess: () => end('success'),
  onError: (error) => end('error', { message: error.message }),
})

createInterface({ input: process.stdin }).on('line', (line) => {
  upload.abort(line === 'terminate').then(
    () => end('aborted'),
    (error) => end('error', { message: error.message }),
  )
})

// only those that can be resumed are found where there is a storage
const previous = storage ? await upload.findPreviousUploads() : []
if (previous.length > 0) upload.resumeFromPreviousUpload(previous[0])
upload.start()
