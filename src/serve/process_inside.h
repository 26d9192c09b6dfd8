/* Inside the library: what the housekeeping does for process.c. */
#ifndef SERVE_PROCESS_INSIDE_H
#define SERVE_PROCESS_INSIDE_H

/* The file that a parameter names (in a list: at this place), sent by master;
 * takes *fd. */
void
process_take_file(const char *parameter, unsigned place, int *fd);

/* New descriptors for the log and its copy; they stay the caller's. */
void
process_redirect_log(int fd, int copy_fd);

/* Tells master that this process serves. */
void
process_say_ready(void);

#endif
