/*
 * Sends mail as fast as the other side takes it: SESSIONS threads, a new
 * connection for each message as smtp-source does, recipients drawn at random
 * from user0@DOMAIN to user(ACCOUNTS-1)@DOMAIN.
 *
 * usage: load HOST PORT SESSIONS MESSAGES ACCOUNTS DOMAIN SIZE
 * Prints "MESSAGES SECONDS FAILURES".
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct {
	struct sockaddr_in address;
	const char *domain;
	long messages, accounts;
	size_t size;
	char *body;
	atomic_long next, failures;
} load;

static int
expect(int fd, char code)
{
	char line[4096];
	size_t size = 0;
	for (;;) {
		ssize_t n = read(fd, line + size, sizeof(line) - 1 - size);
		if (n <= 0)
			return -1;
		size += (size_t)n;
		line[size] = '\0';
		char *last = line;
		for (char *at = line; (at = strstr(at, "\r\n")) != NULL && at[2];)
			last = at += 2;
		if (size > 4 && line[size - 1] == '\n' && last[3] == ' ')
			return last[0] == code ? 0 : -1;
		if (size == sizeof(line) - 1)
			return -1;
	}
}

static int
say(int fd, const char *text, size_t size, char code)
{
	while (size > 0) {
		ssize_t n = send(fd, text, size, MSG_NOSIGNAL);
		if (n <= 0)
			return -1;
		text += n;
		size -= (size_t)n;
	}
	return expect(fd, code);
}

static int
one_message(unsigned *seed)
{
	char line[200];
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1, result = -1;
	setsockopt(fd, IPPROTO_TCP, 1, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&load.address,
	    sizeof(load.address)) < 0)
		goto out;
	int rcpt = snprintf(line, sizeof(line), "RCPT TO:<user%ld@%s>\r\n",
		rand_r(seed) % load.accounts, load.domain);
	if (expect(fd, '2') == 0 && say(fd, "EHLO load\r\n", 11, '2') == 0 &&
	    say(fd, "MAIL FROM:<load@example.net>\r\n", 30, '2') == 0 &&
	    say(fd, line, (size_t)rcpt, '2') == 0 &&
	    say(fd, "DATA\r\n", 6, '3') == 0 &&
	    say(fd, load.body, load.size, '2') == 0)
		result = say(fd, "QUIT\r\n", 6, '2') == 0 ? 0 : -1;
out:
	close(fd);
	return result;
}

static void *
session(void *argument)
{
	unsigned seed = (unsigned)(size_t)argument;
	while (atomic_fetch_add(&load.next, 1) < load.messages)
		if (one_message(&seed) < 0)
			atomic_fetch_add(&load.failures, 1);
	return NULL;
}

static void
make_body(size_t size)
{
	static const char head[] = "From: <load@example.net>\r\n"
		"To: <user@example.org>\r\nSubject: load\r\n\r\n";
	static const char line[] =
		"The quick brown fox jumps over the lazy dog, and again it does.\r\n";
	load.body = malloc(size + sizeof(head) + sizeof(line) + 8);
	load.size = sizeof(head) - 1;
	memcpy(load.body, head, load.size);
	while (load.size < size) {
		memcpy(load.body + load.size, line, sizeof(line) - 1);
		load.size += sizeof(line) - 1;
	}
	memcpy(load.body + load.size, ".\r\n", 3);
	load.size += 3;
}

int
main(int argc, char **argv)
{
	pthread_t threads[1000];
	struct timespec begin, end;
	if (argc != 8)
		return fprintf(stderr, "usage: load HOST PORT SESSIONS MESSAGES "
			"ACCOUNTS DOMAIN SIZE\n"), 1;
	long sessions = strtol(argv[3], NULL, 10);
	load.address.sin_family = AF_INET;
	load.address.sin_port = htons((uint16_t)strtol(argv[2], NULL, 10));
	inet_pton(AF_INET, argv[1], &load.address.sin_addr);
	load.messages = strtol(argv[4], NULL, 10);
	load.accounts = strtol(argv[5], NULL, 10);
	load.domain = argv[6];
	make_body((size_t)strtol(argv[7], NULL, 10));
	if (sessions < 1 || sessions > 1000 || load.accounts < 1)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (long i = 0; i < sessions; i++)
		pthread_create(&threads[i], NULL, session, (void *)(i + 1));
	for (long i = 0; i < sessions; i++)
		pthread_join(threads[i], NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%ld %.3f %ld\n", load.messages,
		(double)(end.tv_sec - begin.tv_sec) +
		(double)(end.tv_nsec - begin.tv_nsec) / 1e9,
		atomic_load(&load.failures));
	free(load.body);
	return atomic_load(&load.failures) > 0;
}
