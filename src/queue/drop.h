/*
 * The drop folder, queue_directory/drop: messages that sendmail left there while
 * the system was down (proto/drop.h). It is looked at every few seconds. A
 * message is in the spool, durably, before its file goes; taken again after a
 * crash it is the same transaction and is stored once. The owner of the file is
 * who sent it. What is no such file is set aside (".bad-NAME") and reported.
 */
#ifndef QUEUE_DROP_H
#define QUEUE_DROP_H

#include "serve/session.h"

struct queue;

enum {
	DROP_LOOK = 5000,		/* ms between looks */
	DROP_AT_ONCE = 100,		/* files of one look */
};

struct drop_folder {
	struct session session;		/* first; holds no descriptor */
	struct queue *queue;
	int directory;			/* owned; -1: there is none */
};

/* path: of the folder, as this process sees it. */
void
drop_folder_open(struct drop_folder *folder, struct queue *queue,
	const char *path);
void
drop_folder_close(struct drop_folder *folder);

/* Gives the session to the lot, if there is a folder. */
void
drop_folder_start(struct drop_folder *folder);

/* One look: how many messages were taken. */
unsigned
drop_folder_look(struct drop_folder *folder);

#endif
