/* The origin of the benchmark: takes any request, drops its content, answers 200.
 *
 *   sink PORT
 *
 * One process, one epoll loop, HTTP/1.1 with keep-alive. Content with a length is dropped
 * inside the kernel (MSG_TRUNC), so that the origin costs as little as an origin can;
 * only chunked content is read, for its framing. The one invariant: an answer is sent
 * when the whole request is here, never before.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD_LIMIT = 65536, TURN = 1 << 20, EVENTS = 256 };

enum where { HEAD, LENGTH, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER };

struct connection {
    int fd;
    enum where where;
    long long left; /* bytes of the content, or of the chunk, that are to come */
    int is_head, closes;
    size_t filled; /* bytes in buffer */
    char buffer[HEAD_LIMIT];
};

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                             "Content-Length: 3\r\n\r\nok\n";
enum { ANSWER_HEAD = sizeof ANSWER - 1 - 3 };

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void eat(struct connection *c, size_t size) {
    memmove(c->buffer, c->buffer + size, c->filled - size);
    c->filled -= size;
}

/* The value of a field in the head that ends at `end`, or NULL. */
static const char *field(const char *head, const char *end, const char *name) {
    size_t size = strlen(name);
    for (const char *line = head; line && line < end; line = strstr(line, "\r\n")) {
        if (line != head)
            line += 2;
        if (!strncasecmp(line, name, size) && line[size] == ':')
            return line + size + 1 + strspn(line + size + 1, " ");
    }
    return NULL;
}

/* False when the connection is over. */
static int answer(struct connection *c) {
    size_t size = c->is_head ? ANSWER_HEAD : sizeof ANSWER - 1;
    c->where = HEAD;
    return send(c->fd, ANSWER, size, MSG_NOSIGNAL) == (ssize_t)size && !c->closes;
}

/* What the head in the buffer asks for; false when the connection is over. */
static int begin(struct connection *c, char *end) {
    *end = 0;
    const char *length = field(c->buffer, end, "content-length");
    const char *coding = field(c->buffer, end, "transfer-encoding");
    const char *wish = field(c->buffer, end, "connection");
    const char *line_end = strstr(c->buffer, "\r\n");
    c->is_head = !strncmp(c->buffer, "HEAD ", 5);
    c->closes = (wish && !strncasecmp(wish, "close", 5)) ||
                (line_end && !strncmp(line_end - 8, "HTTP/1.0", 8));
    c->left = length ? atoll(length) : 0;
    c->where = coding ? CHUNK_SIZE : LENGTH;
    eat(c, end + 4 - c->buffer);
    return c->where != LENGTH || c->left > 0 || answer(c);
}

/* Takes a line out of the buffer that belongs to the framing; -1: it is not all here,
 * else its size without the line end, with `text` holding its start. */
static int framing_line(struct connection *c, char text[32]) {
    char *end = memmem(c->buffer, c->filled, "\r\n", 2);
    if (!end)
        return -1;
    int size = end - c->buffer;
    snprintf(text, 32, "%.*s", size < 31 ? size : 31, c->buffer);
    eat(c, size + 2);
    return size;
}

/* Goes on with what is in the buffer; 1: more is needed, 0: the connection is over. */
static int advance(struct connection *c) {
    char text[32];
    for (;;) {
        int size;
        switch (c->where) {
        case HEAD: {
            char *end = memmem(c->buffer, c->filled, "\r\n\r\n", 4);
            if (!end)
                return c->filled < HEAD_LIMIT;
            if (!begin(c, end))
                return 0;
            break;
        }
        case LENGTH:
        case CHUNK: {
            size_t here = (long long)c->filled < c->left ? c->filled : (size_t)c->left;
            eat(c, here);
            c->left -= here;
            if (c->left)
                return 1;
            if (c->where == CHUNK)
                c->where = CHUNK_END;
            else if (!answer(c))
                return 0;
            break;
        }
        case CHUNK_SIZE:
            if (framing_line(c, text) < 0)
                return 1;
            c->left = strtoll(text, NULL, 16);
            c->where = c->left ? CHUNK : TRAILER;
            break;
        case CHUNK_END:
            if (framing_line(c, text) < 0)
                return 1;
            c->where = CHUNK_SIZE;
            break;
        case TRAILER:
            if ((size = framing_line(c, text)) < 0)
                return 1;
            if (size == 0 && !answer(c))
                return 0;
            break;
        }
    }
}

/* One turn of a connection that can be read; false when it is over. */
static int turn(struct connection *c) {
    if ((c->where == LENGTH || c->where == CHUNK) && c->filled == 0) {
        size_t most = c->left < TURN ? (size_t)c->left : TURN;
        ssize_t got = recv(c->fd, NULL, most, MSG_TRUNC | MSG_DONTWAIT);
        if (got <= 0)
            return got < 0 && errno == EAGAIN;
        c->left -= got;
        return c->left > 0 || advance(c);
    }
    size_t room = HEAD_LIMIT - c->filled;
    ssize_t got = recv(c->fd, c->buffer + c->filled, room, MSG_DONTWAIT);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    c->filled += got;
    return advance(c);
}

static int listening(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096))
        fail("sink: listen");
    return fd;
}

static void welcome(int epoll, int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), on = 1;
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *c = malloc(sizeof *c);
    if (!c)
        fail("sink: malloc");
    memset(c, 0, offsetof(struct connection, buffer));
    c->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int main(int count, char **words) {
    if (count != 2) {
        fprintf(stderr, "usage: sink PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int listener = listening(atoi(words[1])), epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c)
                welcome(epoll, listener);
            else if (!turn(c)) {
                close(c->fd);
                free(c);
            }
        }
    }
}
