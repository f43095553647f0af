// A Node server with a form for one document, read with busboy, stored where UPLOADS
// says. It listens on the socket that it was handed as descriptor LISTEN_FD.
import { createWriteStream, readdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createServer } from 'node:http'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import busboy from 'busboy'

const store = process.env.UPLOADS

function receive(request) {
  return new Promise((resolve, reject) => {
    const told = {}
    let stored
    const form = busboy({ headers: request.headers, defParamCharset: 'utf8' })
    form.on('field', (name, value) => { told[name] = value })
    form.on('file', (field, file, { filename, mimeType }) => {
      if (field !== 'document') return file.resume()
      told.name = filename
      told.media_type = mimeType
      const place = join(store, `${readdirSync(store).length}-${basename(filename)}`)
      stored = pipeline(file, createWriteStream(place)).then(() => place)
    })
    form.on('error', reject)
    form.on('close', () => {
      if (!stored) return reject(new Error('no document'))
      stored.then((place) => resolve({ told, place }), reject)
    })
    request.pipe(form)
  })
}

async function upload(request, response) {
  const { told, place } = await receive(request)
  const location = `/documents/${encodeURIComponent(basename(place))}`
  response.writeHead(201, { 'Content-Type': 'application/json', Location: location })
  response.end(JSON.stringify(told))
}

async function download(request, response) {
  const name = basename(decodeURIComponent(request.url)) || 'index'
  const file = await open(join(store, name))
  const { size } = await file.stat()
  response.writeHead(200, { 'Content-Length': size })
  await pipeline(file.createReadStream(), response)
}

const server = createServer((request, response) => {
  const serve = request.method === 'POST' ? upload : download
  serve(request, response).catch((error) => {
    if (response.headersSent) return response.destroy()
    response.writeHead(error.code === 'ENOENT' ? 404 : 400)
    response.end(`${error.message}\n`)
  })
})
server.listen({ fd: Number(process.env.LISTEN_FD) })
