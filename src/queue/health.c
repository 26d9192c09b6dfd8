/*
 * Who still answers. See health.h.
 */
#include "queue/health.h"

#include <assert.h>

void
health_init(struct health *health)
{
	*health = (struct health){ .waiting = 0 };
	pthread_mutex_init(&health->lock, NULL);
}

void
health_fini(struct health *health)
{
	pthread_mutex_destroy(&health->lock);
}

static void
look(struct health *health, int64_t now)
{
	if (health->waiting > 0 && now - health->progress >= HEALTH_SILENCE)
		health->is_stuck = true;
}

bool
health_enter(struct health *health, int64_t now)
{
	pthread_mutex_lock(&health->lock);
	look(health, now);
	bool may = !health->is_stuck || health->waiting == 0;
	if (may && health->waiting++ == 0)
		health->progress = now;
	pthread_mutex_unlock(&health->lock);
	return may;
}

void
health_answered(struct health *health, int64_t now)
{
	pthread_mutex_lock(&health->lock);
	health->progress = now;
	health->is_stuck = false;
	pthread_mutex_unlock(&health->lock);
}

bool
health_wait(struct health *health, int64_t now, int64_t *until)
{
	pthread_mutex_lock(&health->lock);
	look(health, now);
	*until = health->progress + HEALTH_SILENCE;
	bool may = *until > now;
	pthread_mutex_unlock(&health->lock);
	return may;
}

void
health_leave(struct health *health)
{
	pthread_mutex_lock(&health->lock);
	assert(health->waiting > 0);
	health->waiting--;
	pthread_mutex_unlock(&health->lock);
}
