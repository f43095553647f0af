/* The client of the benchmark: sends one request again and again, over many connections.
 *
 *   send -p PORT -f FILE [-s SIZE] [-k] [-c CONNECTIONS] [-n REQUESTS] [-t SECONDS]
 *        [-i MS] [-r RATE] [-x] [-w] [-T]
 *
 * FILE holds the head of the request, with its framing fields and the empty line.
 * -s  bytes of content      -k  chunked, in chunks of 256 KiB
 * -n  requests in all       -t  seconds after which none is begun any more
 * -i  a connection begins a request at most every MS milliseconds
 * -r  bytes per second that a connection sends at most
 * -x  when the seconds are over, cut what is under way
 * -w  at the end keep the connections open until standard input ends
 * -T  TLS, without looking at the certificate
 *
 * It prints one line of JSON. A request is answered by a final response with a status
 * of 2xx; interim responses are passed over. The one invariant: what is counted as a
 * request was sent whole and answered whole.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/ssl.h>
#endif

enum { UNIT = 256 * 1024, SMALL = 16 * 1024, EVENTS = 256, ANSWER_LIMIT = 16 * 1024 };
enum { PACE = 4096 }; /* a paced connection sends this much at a time, or the rest */

enum state { IDLE, SENDING, HEARING, DEAD };

struct connection {
    int fd;
    enum state state;
    int writable_wanted;
    long long sent; /* bytes of the request, its head included */
    double begun;   /* seconds; of the request under way */
    double due;     /* seconds; before this it neither begins nor sends */
    size_t filled;
    long long left; /* bytes of the answer's content to come; -1: its head is coming */
    int ok, closes, chunked;
    char answer[ANSWER_LIMIT];
#ifdef WITH_TLS
    SSL *tls;
#endif
};

static struct {
    int port, connections, chunked, cuts, waits, tls, is_head;
    long long size, requests;
    double seconds, interval, rate;
} asked = {.connections = 1};

/* A request is `first`, then `unit` over and over for `body` bytes, then `last`. */
static char first[65536 + SMALL], unit[UNIT + 32];
static const char *last = "";
static long long first_size, unit_size, body, last_size, whole;

static struct connection *all;
static int epoll;
static long long begun, done, failed, content_sent;
static int odd_status; /* the first status that was none of 2xx; -1: a broken connection */
static double *latencies;
static size_t latencies_room;
static double started, ended;
static long long living; /* connections that are not dead */

static void fail(const char *what) {
    fprintf(stderr, "send: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int over(void) {
    return (asked.requests && begun >= asked.requests) ||
           (asked.seconds > 0 && now() - started >= asked.seconds);
}

/* Bytes moved, 0 when it would block, -1 when the connection is gone. */
static ssize_t put(struct connection *c, const char *from, size_t size) {
#ifdef WITH_TLS
    if (c->tls) {
        int moved = SSL_write(c->tls, from, size);
        if (moved > 0)
            return moved;
        int why = SSL_get_error(c->tls, moved);
        return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
    }
#endif
    ssize_t moved = send(c->fd, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    return moved >= 0 ? moved : errno == EAGAIN ? 0 : -1;
}

static ssize_t get(struct connection *c, char *to, size_t size) {
#ifdef WITH_TLS
    if (c->tls) {
        int moved = SSL_read(c->tls, to, size);
        if (moved > 0)
            return moved;
        int why = SSL_get_error(c->tls, moved);
        return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
    }
#endif
    ssize_t moved = recv(c->fd, to, size, MSG_DONTWAIT);
    return moved > 0 ? moved : moved < 0 && errno == EAGAIN ? 0 : -1;
}

static void encrypt(struct connection *c) {
#ifdef WITH_TLS
    static SSL_CTX *context;
    if (!context) {
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
    c->tls = SSL_new(context);
    SSL_set_fd(c->tls, c->fd);
    if (SSL_connect(c->tls) != 1)
        fail("TLS");
#else
    (void)c;
    fail("built without TLS");
#endif
}

static void watch(struct connection *c, int writable) {
    if (c->writable_wanted == writable)
        return;
    c->writable_wanted = writable;
    struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0)};
    event.data.ptr = c;
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static void open_connection(struct connection *c) {
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(asked.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address))
        fail("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (asked.tls)
        encrypt(c);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
    c->state = IDLE;
    c->writable_wanted = 0;
}

static void close_connection(struct connection *c) {
#ifdef WITH_TLS
    if (c->tls)
        SSL_free(c->tls);
    c->tls = NULL;
#endif
    close(c->fd);
    c->state = DEAD;
}

/* The next bytes of the request, at most as many as lie together. */
static const char *next_bytes(long long at, long long *size) {
    if (at < first_size) {
        *size = first_size - at;
        return first + at;
    }
    at -= first_size;
    if (at < body) {
        long long in_unit = at % unit_size;
        *size = unit_size - in_unit < body - at ? unit_size - in_unit : body - at;
        return unit + in_unit;
    }
    at -= body;
    *size = last_size - at;
    return last + at;
}

/* Bytes that a paced connection may send now. */
static long long allowance(struct connection *c, double at) {
    long long earned = (at - c->begun) * asked.rate - c->sent;
    long long left = whole - c->sent;
    long long least = left < PACE ? left : PACE;
    return earned >= least ? (earned < left ? earned : left) : 0;
}

static void lost(struct connection *c) {
    failed++;
    if (!odd_status)
        odd_status = -1;
    close_connection(c);
    if (failed > 1000)
        fail("a thousand requests failed");
    if (over()) {
        living--;
        return;
    }
    open_connection(c);
}

static void go_on_sending(struct connection *c) {
    long long most = whole;
    if (asked.rate > 0) {
        double at = now();
        most = c->sent + allowance(c, at);
        c->due = at + PACE / asked.rate;
    }
    while (c->sent < most) {
        long long size;
        const char *from = next_bytes(c->sent, &size);
        if (size > most - c->sent)
            size = most - c->sent;
        ssize_t moved = put(c, from, size);
        if (moved < 0) {
            lost(c);
            return;
        }
        if (moved == 0) {
            watch(c, asked.rate == 0);
            return;
        }
        c->sent += moved;
        content_sent += moved;
    }
    if (c->sent == whole) {
        watch(c, 0);
        c->state = HEARING;
    }
}

static void begin(struct connection *c) {
    begun++;
    c->state = SENDING;
    c->begun = now();
    c->due = c->begun + asked.interval;
    c->sent = 0;
    c->filled = 0;
    c->left = -1;
    go_on_sending(c);
}

static void finish(struct connection *c) {
    double at = now();
    int whole_sent = c->state == HEARING;
    if (c->ok && whole_sent) {
        if (done == (long long)latencies_room) {
            latencies_room = latencies_room ? 2 * latencies_room : 4096;
            latencies = realloc(latencies, latencies_room * sizeof *latencies);
        }
        latencies[done++] = at - c->begun;
        ended = at;
    } else
        failed++;
    c->state = IDLE;
    if (c->closes || !whole_sent) {
        close_connection(c);
        if (over()) {
            living--;
            return;
        }
        open_connection(c);
    }
    if (asked.interval == 0 && !over())
        begin(c);
}

/* Reads the head of an answer, which ends at `end`; interim ones leave no trace. */
static void read_answer_head(struct connection *c, char *end) {
    *end = 0;
    int status = c->filled > 12 ? atoi(c->answer + 9) : 0;
    if (status / 100 != 1) {
        char *length = strcasestr(c->answer, "\r\ncontent-length:");
        c->chunked = strcasestr(c->answer, "\r\ntransfer-encoding:") != NULL;
        c->closes = strcasestr(c->answer, "\r\nconnection: close") != NULL;
        c->left = length ? atoll(length + 17) : 0;
        if (asked.is_head || status == 204)
            c->left = c->chunked = 0;
        c->ok = status / 100 == 2;
        if (!c->ok && !odd_status)
            odd_status = status;
    }
    size_t size = end + 4 - c->answer;
    memmove(c->answer, c->answer + size, c->filled - size);
    c->filled -= size;
}

/* True when the answer has come to its end. */
static int heard_all(struct connection *c) {
    while (c->left < 0) {
        char *end = memmem(c->answer, c->filled, "\r\n\r\n", 4);
        if (!end)
            return 0;
        read_answer_head(c, end);
    }
    if (c->chunked) /* the answers here are small: the last chunk ends the buffer */
        return memmem(c->answer, c->filled, "0\r\n\r\n", 5) != NULL;
    long long here = (long long)c->filled < c->left ? (long long)c->filled : c->left;
    c->left -= here;
    c->filled = 0;
    return c->left == 0;
}

static void hear(struct connection *c) {
    if (c->filled == ANSWER_LIMIT)
        fail("an answer is too large");
    ssize_t got = get(c, c->answer + c->filled, ANSWER_LIMIT - c->filled);
    if (got < 0) {
        if (c->state == IDLE && over()) {
            close_connection(c);
            living--;
        } else
            lost(c);
    } else if (got > 0) {
        c->filled += got;
        if (c->state != IDLE && heard_all(c))
            finish(c);
    }
}

/* Begins and goes on with what is due; the seconds until the next is. */
static double look_after(void) {
    double at = now(), wait = 0.05;
    for (int i = 0; i < asked.connections; i++) {
        struct connection *c = &all[i];
        int beginning = c->state == IDLE && !over();
        int going_on = c->state == SENDING && asked.rate > 0;
        if (!beginning && !going_on)
            continue;
        if (c->due <= at)
            beginning ? begin(c) : go_on_sending(c);
        if (c->state == IDLE || c->state == SENDING)
            wait = c->due - at < wait ? c->due - at : wait;
    }
    return wait > 0.001 ? wait : 0.001;
}

static int busy(void) {
    for (int i = 0; i < asked.connections; i++)
        if (all[i].state == SENDING || all[i].state == HEARING)
            return 1;
    return 0;
}

static void run(void) {
    int timed = asked.rate > 0 || asked.interval > 0;
    for (;;) {
        double wait = look_after();
        if (over() && (asked.cuts || !busy()))
            break;
        if (living == 0)
            break;
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(epoll, events, EVENTS, timed ? wait * 1000 : 50);
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (c->state != DEAD && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                hear(c);
            if (c->state == SENDING && events[i].events & EPOLLOUT)
                go_on_sending(c);
        }
    }
    if (asked.cuts || ended == 0)
        ended = now();
}

static void prepare(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file)
        fail(path);
    first_size = fread(first, 1, sizeof first - SMALL, file);
    fclose(file);
    asked.is_head = !strncmp(first, "HEAD ", 5);
    char *content = unit;
    unsigned seed = 1;
    if (asked.chunked)
        content += sprintf(unit, "%x\r\n", UNIT);
    for (int i = 0; i < UNIT; i++)
        content[i] = (seed = seed * 1664525u + 1013904223u) >> 24;
    unit_size = content + UNIT - unit;
    body = asked.size;
    if (asked.chunked) {
        if (asked.size % UNIT) {
            fprintf(stderr, "send: chunked content comes in chunks of 256 KiB\n");
            exit(2);
        }
        memcpy(unit + unit_size, "\r\n", 2);
        unit_size += 2;
        body = asked.size / UNIT * unit_size;
        last = "0\r\n\r\n";
        last_size = 5;
    } else if (body <= SMALL) { /* head and content in one packet, as clients send it */
        memcpy(first + first_size, unit, body);
        first_size += body;
        body = 0;
    }
    whole = first_size + body + last_size;
}

static void connect_all(void) {
    all = calloc(asked.connections, sizeof *all);
    epoll = epoll_create1(0);
    if (!all || epoll < 0)
        fail("start");
    for (int i = 0; i < asked.connections; i++)
        open_connection(&all[i]);
    living = asked.connections;
    started = now();
    for (int i = 0; i < asked.connections; i++) /* spread over the first interval */
        all[i].due = started + asked.interval * i / asked.connections;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile_ms(double share) {
    if (!done)
        return 0;
    long long at = share * done;
    return 1000 * latencies[at < done ? at : done - 1];
}

static void tell(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = used.ru_utime.tv_sec + used.ru_utime.tv_usec / 1e6 +
                 used.ru_stime.tv_sec + used.ru_stime.tv_usec / 1e6;
    if (done)
        qsort(latencies, done, sizeof *latencies, ascending);
    printf("{\"requests\": %lld, \"failed\": %lld, \"odd_status\": %d, \"bytes\": %lld, "
           "\"seconds\": %.6f, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f, "
           "\"client_cpu_s\": %.4f}\n",
           done, failed, odd_status, content_sent, ended - started, percentile_ms(0.5),
           percentile_ms(0.99), percentile_ms(1), cpu);
    fflush(stdout);
}

int main(int count, char **words) {
    const char *path = NULL;
    signal(SIGPIPE, SIG_IGN);
    for (int option; (option = getopt(count, words, "p:f:s:kc:n:t:i:r:xwT")) != -1;)
        switch (option) {
        case 'p': asked.port = atoi(optarg); break;
        case 'f': path = optarg; break;
        case 's': asked.size = atoll(optarg); break;
        case 'k': asked.chunked = 1; break;
        case 'c': asked.connections = atoi(optarg); break;
        case 'n': asked.requests = atoll(optarg); break;
        case 't': asked.seconds = atof(optarg); break;
        case 'i': asked.interval = atof(optarg) / 1000; break;
        case 'r': asked.rate = atof(optarg); break;
        case 'x': asked.cuts = 1; break;
        case 'w': asked.waits = 1; break;
        case 'T': asked.tls = 1; break;
        default: return 2;
        }
    if (!asked.port || !path || (!asked.requests && asked.seconds <= 0)) {
        fprintf(stderr, "send: -p and -f are needed, and -n or -t\n");
        return 2;
    }
    prepare(path);
    connect_all();
    run();
    tell();
    if (asked.waits)
        while (getchar() != EOF) {
        }
    return 0;
}
