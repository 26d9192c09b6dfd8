/*
 * A socket is a session that wakes when questions are there. Its memory is for
 * one batch and stays. Answers of the resolver come later, from its thread: a
 * socket stays open until nobody refers to it.
 */
#include "names/datagram.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

enum { CONTROL_ROOM = 64 };

/* Where a question came from, and where to. */
struct route {
	struct sockaddr_storage client;
	socklen_t client_size;
	_Alignas(struct cmsghdr) char control[CONTROL_ROOM];
	size_t control_size;
};

struct batch {
	struct mmsghdr in[DATAGRAM_BATCH], out[DATAGRAM_BATCH];
	struct iovec in_part[DATAGRAM_BATCH], out_part[DATAGRAM_BATCH];
	struct route route[DATAGRAM_BATCH];
	struct buffer answer[DATAGRAM_BATCH];
	char bytes[DATAGRAM_BATCH][DATAGRAM_LIMIT];
};

struct place {
	struct session session;		/* first */
	int fd;
	atomic_uint references;		/* the session's, and of questions */
	uint64_t inode;
	bool is_ours;			/* of the loopback */
	struct batch *batch;
};

/* A question that the resolver has. */
struct datagram {
	struct front_question question;
	struct place *place;
	struct route route;
};

static struct {
	pthread_mutex_t lock;		/* of the following */
	struct place *place[DATAGRAM_PLACES];
	size_t count;
} places = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- one question ---- */

static struct msghdr
message_for(struct route *route, struct iovec *part)
{
	return (struct msghdr){ .msg_name = &route->client,
		.msg_namelen = route->client_size, .msg_iov = part,
		.msg_iovlen = 1, .msg_control = route->control_size > 0 ?
		route->control : NULL,
		.msg_controllen = route->control_size };
}

static void
release(struct place *place)
{
	if (atomic_fetch_sub(&place->references, 1) > 1)
		return;
	for (size_t i = 0; i < DATAGRAM_BATCH; i++)
		buffer_fini(&place->batch->answer[i]);
	memory_free(place->batch);
	file_close(&place->fd);
	memory_free(place);
}

/* By the resolver. Who does not get it asks again. */
static void
take_answer(void *context, const struct message_answer *answer)
{
	struct datagram *datagram = context;
	struct buffer out;
	buffer_init(&out, 0);
	front_answer(&datagram->question, answer, &out);
	struct iovec part = { out.data, out.size };
	struct msghdr message = message_for(&datagram->route, &part);
	sendmsg(datagram->place->fd, &message, MSG_DONTWAIT);
	buffer_fini(&out);
	release(datagram->place);
	memory_free(datagram);
}

static void
ask(struct place *place, const struct front_question *question,
	const struct route *route)
{
	struct datagram *datagram = memory_new(sizeof(*datagram));
	datagram->question = *question;
	datagram->place = place;
	datagram->route = *route;
	atomic_fetch_add(&place->references, 1);
	/* too many are under way: whoever asked asks again */
	if (front_ask(&datagram->question, true, take_answer, datagram))
		return;
	front_free(&datagram->question);
	release(place);
	memory_free(datagram);
}

/* Of what the kernel says of a datagram only the address it was sent to goes
 * back, as the address to send from; the interface is the kernel's choice but
 * for addresses that mean something on one link only. */
static void
turn_round(struct route *route, struct msghdr *message)
{
	struct cmsghdr *head = CMSG_FIRSTHDR(message);
	route->client_size = message->msg_namelen;
	route->control_size = 0;
	if (head == NULL)
		return;
	if (head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo *info = (void *)CMSG_DATA(head);
		info->ipi_ifindex = 0;
		route->control_size = CMSG_SPACE(sizeof(*info));
	}
	if (head->cmsg_level == IPPROTO_IPV6 &&
	    head->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo *info = (void *)CMSG_DATA(head);
		if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
			info->ipi6_ifindex = 0;
		route->control_size = CMSG_SPACE(sizeof(*info));
	}
}

/* True: its answer stands in the i-th buffer. */
static bool
take_one(struct place *place, const struct zones *zones, size_t i)
{
	struct batch *batch = place->batch;
	struct msghdr *message = &batch->in[i].msg_hdr;
	struct route *route = &batch->route[i];
	struct front_question question;
	turn_round(route, message);
	struct front_client client = { .is_ours = place->is_ours,
		.address = network_address_from((const struct sockaddr *)
		&route->client, route->client_size) };
	/* nobody asks from there */
	if ((message->msg_flags & MSG_TRUNC) != 0 || client.address.port == 0)
		return false;
	buffer_clear(&batch->answer[i]);
	switch (front_take(span_of(batch->bytes[i], batch->in[i].msg_len),
		&client, zones, &question, &batch->answer[i])) {
	case FRONT_NOTHING:
	case FRONT_TRANSFER:
		break;
	case FRONT_ANSWERED:
		return true;
	case FRONT_ASK:
		ask(place, &question, route);
		break;
	}
	return false;
}

/* ---- a batch ---- */

static void
prepare(struct batch *batch)
{
	for (size_t i = 0; i < DATAGRAM_BATCH; i++) {
		struct route *route = &batch->route[i];
		batch->in_part[i] = (struct iovec){ batch->bytes[i],
			DATAGRAM_LIMIT };
		batch->in[i].msg_hdr = (struct msghdr){
			.msg_name = &route->client,
			.msg_namelen = sizeof(route->client),
			.msg_iov = &batch->in_part[i], .msg_iovlen = 1,
			.msg_control = route->control,
			.msg_controllen = sizeof(route->control) };
	}
}

static void
send_all(struct place *place, unsigned count)
{
	struct batch *batch = place->batch;
	for (unsigned sent = 0; sent < count;) {
		int n = sendmmsg(place->fd, batch->out + sent, count - sent,
			MSG_DONTWAIT);
		/* the first one cannot be sent: the others can */
		sent += n > 0 ? (unsigned)n : 1;
	}
}

/* How many questions there were. */
static unsigned
take_batch(struct place *place)
{
	struct batch *batch = place->batch;
	unsigned count = 0;
	prepare(batch);
	int n = recvmmsg(place->fd, batch->in, DATAGRAM_BATCH, MSG_DONTWAIT,
		NULL);
	if (n <= 0)
		return 0;
	struct zones *zones = zones_current();
	for (unsigned i = 0; i < (unsigned)n; i++) {
		if (!take_one(place, zones, i))
			continue;
		batch->out_part[count] = (struct iovec){ batch->answer[i].data,
			batch->answer[i].size };
		batch->out[count].msg_hdr = message_for(&batch->route[i],
			&batch->out_part[count]);
		count++;
	}
	zones_free(&zones);
	send_all(place, count);
	return (unsigned)n;
}

/* ---- sessions ---- */

static enum session_next
run(struct session *session, enum session_event event)
{
	struct place *place = (struct place *)session;
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	for (unsigned i = 0; i < DATAGRAM_TURNS; i++)
		if (take_batch(place) < DATAGRAM_BATCH)
			break;
	if (session->events != UINT32_MAX &&
	    (session->events & EPOLLHUP) != 0) {
		log_event(LOG_INFO, "listener-closed", NULL,
			LOG_TEXT("service", "domain-udp"));
		return SESSION_CLOSE;
	}
	return SESSION_PARK;
}

static void
free_session(struct session **session)
{
	struct place *place = (struct place *)*session;
	pthread_mutex_lock(&places.lock);
	for (size_t i = 0; i < places.count; i++)
		if (places.place[i] == place) {
			places.place[i] = places.place[--places.count];
			break;
		}
	pthread_mutex_unlock(&places.lock);
	release(place);
	*session = NULL;
}

static const struct session_type type = { "names-datagram", run,
	free_session };

/* NULL: it is there already, or there are too many. */
static struct place *
add(int *fd, bool is_ours)
{
	struct stat status;
	struct place *place = NULL;
	bool is_there = fstat(*fd, &status) < 0;
	pthread_mutex_lock(&places.lock);
	for (size_t i = 0; i < places.count; i++)
		is_there |= places.place[i]->inode == status.st_ino;
	if (!is_there && places.count < DATAGRAM_PLACES) {
		place = memory_new(sizeof(*place));
		place->batch = memory_new(sizeof(*place->batch));
		place->fd = *fd;
		atomic_init(&place->references, 1);
		place->inode = status.st_ino;
		place->is_ours = is_ours;
		places.place[places.count++] = place;
		*fd = -1;
	} else if (!is_there) {
		log_event(LOG_ERROR, "too-many-listeners", NULL);
	}
	pthread_mutex_unlock(&places.lock);
	return place;
}

static void
serve(struct lot *lot, int *fd, bool is_ours)
{
	struct place *place = add(fd, is_ours);
	if (place == NULL)
		return;
	place->session = (struct session){ .type = &type, .fd = place->fd,
		.second_fd = -1, .deadline = INT64_MAX,
		.is_own_work = true };
	lot_add(lot, &place->session);
}

void
datagram_accept(struct lot *lot, struct incoming *incoming)
{
	serve(lot, &incoming->fd, false);
}

void
datagram_serve_loopback(struct lot *lot, int *fd)
{
	serve(lot, fd, true);
}
