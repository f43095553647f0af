// The page around one upload: what is shown and pressed. The upload itself is upload.js.

import { Upload } from './upload.js'

const HASHED = 256 * 2 ** 20 // bytes: a browser hashes only what it holds in memory
const WORDS = {
  new: 'Ready',
  sending: 'Sending',
  waiting: 'Trying again',
  paused: 'Paused',
  done: 'Arrived',
  failed: 'Failed',
  cancelled: 'Cancelled',
}

const at = (id) => document.getElementById(id)
let upload = null
let hash = null // a promise of the file's own, in words
let link = await (await fetch('link')).json()
let marks = [] // moments and bytes, for the rate
const lines = new WeakMap() // of requests, in the log

function choose(file) {
  if (!file) return
  upload?.pause()
  upload = new Upload(file, link.endpoint)
  upload.addEventListener('change', draw)
  upload.addEventListener('exchange', log)
  hash = digest(file)
  marks = []
  at('cuts').replaceChildren()
  at('lines').replaceChildren()
  at('result').hidden = at('earlier').hidden = true
  at('upload').hidden = at('log').hidden = false
  localStorage.setItem('latest', file.name)
  upload.start()
}

function draw() {
  const { file, state, offset, sent } = upload
  const share = (bytes) => `${file.size ? (100 * bytes) / file.size : 100}%`
  at('name').textContent = file.name
  at('size').textContent = bytes(file.size)
  at('sent').style.width = share(sent)
  at('confirmed').style.width = share(offset)
  at('bar').setAttribute('aria-valuenow', Math.floor(parseFloat(share(sent))))
  at('upload').className = state
  const why = ['waiting', 'failed'].includes(state) ? `: ${upload.error.message}` : ''
  say('state', WORDS[state] + why)
  at('sent-words').textContent = `${bytes(sent)} sent${rate(sent, state)}`
  at('confirmed-words').textContent = `${bytes(offset)} confirmed`
  at('pause').disabled = !['sending', 'waiting'].includes(state)
  at('resume').disabled = !['paused', 'failed'].includes(state)
  at('cancel').disabled = ['done', 'cancelled'].includes(state)
  if (state === 'done') conclude()
  if (['done', 'cancelled'].includes(state)) localStorage.removeItem('latest')
}

// Bytes per second, as of the last two seconds; '' while nothing moves.
function rate(sent, state) {
  const now = performance.now()
  if (state !== 'sending' || sent < marks.at(-1)?.sent) marks = []
  marks = [...marks.filter(({ then }) => now - then < 2000), { then: now, sent }]
  const [{ then, sent: before }] = marks
  return now - then > 250 ? `, ${bytes((1000 * (sent - before)) / (now - then))}/s` : ''
}

async function conclude() {
  const { answer, saved, file } = upload
  const told = answer.good ? JSON.parse(answer.text) : {}
  const [own, theirs] = [await hash, told.sha256 ?? `none; it answered ${answer.status}`]
  const hashed = /^[0-9a-f]{64}$/.test(own)
  const same = hashed ? own === theirs : told.bytes === file.size
  at('own').textContent = own
  at('theirs').textContent = theirs
  at('saved').textContent = saved
    ? `${bytes(saved)} that starting over would have sent again`
    : 'nothing: it was not interrupted'
  at('result').className = same ? 'good' : 'bad'
  at('result').hidden = false
  const which = same ? (hashed ? 'the same bytes' : 'as many bytes') : 'other bytes'
  say('verdict', `The origin has ${which}`)
}

async function digest(file) {
  if (!crypto.subtle) return 'not here: browsers hash on https and localhost only'
  if (file.size > HASHED) {
    return `not here: a browser would need all ${bytes(file.size)} in memory at once`
  }
  const hashed = await crypto.subtle.digest('SHA-256', await file.arrayBuffer())
  return [...new Uint8Array(hashed)].map((b) => b.toString(16).padStart(2, '0')).join('')
}

// One line for each request, the newest first; its answer follows when there is one.
function log({ detail: exchange }) {
  const line = lines.get(exchange) ?? begun(exchange)
  const { answer } = exchange
  if (!answer) return
  const told = answer.field('Upload-Offset')
  line.lastChild.textContent = answer.status
    ? `${answer.status}${told ? `, offset ${grouped(told)}` : ''}`
    : 'none'
  if (!answer.status) line.lastChild.className = 'harsh'
}

function begun(exchange) {
  const { method, fields, content } = exchange
  const from = fields['Upload-Offset']
  const line = at('lines').insertRow(0)
  lines.set(exchange, line)
  const parts = [
    new Date().toLocaleTimeString([], { hour12: false }),
    method,
    content ? `${grouped(from)} to ${grouped(from + content.size)}` : '',
    '…',
  ]
  for (const part of parts) line.insertCell().textContent = part
  return line
}

// A status that is read aloud: only when it changes.
function say(id, words) {
  if (at(id).textContent !== words) at(id).textContent = words
}

function bytes(count) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(count) / 3)))
  return `${(count / 1000 ** power).toFixed(power ? 1 : 0)} ${units[power]}`
}

function grouped(count) {
  return Number(count).toLocaleString('en')
}

// What is done to the network is done by the demonstration, not by this page.
async function press(what) {
  link = await (await fetch('link', { method: 'POST', body: JSON.stringify(what) })).json()
  drawLink()
}

function drawLink() {
  say('link', link.online ? 'online' : 'offline')
  at('network').className = link.online ? '' : 'offline'
  at('down').disabled = !link.online
  at('up').disabled = link.online
  at('cut').disabled = !link.online
  at('rate').value = link.rate ?? ''
}

// Where the bar was when the connection went.
function mark() {
  if (upload?.state !== 'sending' || !upload.file.size) return
  const tick = at('cuts').appendChild(document.createElement('i'))
  tick.style.left = `${(100 * upload.sent) / upload.file.size}%`
}

// Bytes that look random and are the same each time, so that a reload can go on, too.
function made() {
  const words = new Uint32Array(5 * 2 ** 20)
  let word = 2463534242
  for (let index = 0; index < words.length; index++) {
    word ^= word << 13
    word ^= word >>> 17
    word ^= word << 5
    words[index] = word
  }
  return new File([words], 'made-up.bin', { lastModified: 0 })
}

at('file').onchange = () => choose(at('file').files[0])
at('make').onclick = () => choose(made())
at('pause').onclick = () => (upload.pause(), at('resume').focus())
at('resume').onclick = () => (upload.start(), at('pause').focus())
at('cancel').onclick = () => upload.cancel()
at('cut').onclick = () => (mark(), press({ cut: true }))
at('down').onclick = async () => {
  mark()
  await press({ online: false })
  at('up').focus() // what was pressed can be pressed no more, and would lose the focus
}
at('up').onclick = async () => {
  await press({ online: true })
  at('down').focus()
  dispatchEvent(new Event('online')) // as a browser does whose network is back
}
at('rate').onchange = () => press({ rate: Number(at('rate').value) || null })

const drop = at('drop')
addEventListener('dragover', (event) => event.preventDefault()) // else it would be opened
addEventListener('drop', (event) => event.preventDefault())
drop.ondragover = () => drop.classList.add('over')
drop.ondragleave = () => drop.classList.remove('over')
drop.ondrop = (event) => {
  drop.classList.remove('over')
  choose(event.dataTransfer.files[0])
}

const latest = localStorage.getItem('latest')
if (latest) {
  at('earlier').hidden = false
  at('earlier').textContent = `${latest} is not finished: choose it again to go on.`
}
drawLink()
