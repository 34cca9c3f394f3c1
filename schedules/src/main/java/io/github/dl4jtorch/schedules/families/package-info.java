/**
 * Schedules of other libraries, each under the name, the keywords and the defaults that it has
 * there, so that a recipe brought from one of them gives the rates it gave there. All of them are
 * definitions like PyTorch's:
 *
 * <pre>{@code
 * Schedule schedule =
 *     Timm.scheduler("CosineLRScheduler", Map.of("t_initial", 300, "warmup_t", 5));
 * Schedule same =
 *     Schedule.fromMap(
 *         Map.of("type", "timm.CosineLRScheduler", "t_initial", 300, "warmup_t", 5));
 * }</pre>
 *
 * <p>They stand on the public part of {@link io.github.dl4jtorch.schedules}, as schedules of users'
 * own do.
 */
@NullMarked
package io.github.dl4jtorch.schedules.families;

import org.jspecify.annotations.NullMarked;
