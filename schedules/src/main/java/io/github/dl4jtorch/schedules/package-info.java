/**
 * PyTorch's learning-rate schedulers for the JVM, with no dependency beyond the JDK.
 *
 * <p>A <em>definition</em> is an immutable value that implements {@link
 * io.github.dl4jtorch.schedules.Schedule}, for example {@link
 * io.github.dl4jtorch.schedules.StepLR}. Attached to {@link
 * io.github.dl4jtorch.schedules.ParamGroups} it becomes a <em>run</em>, an {@link
 * io.github.dl4jtorch.schedules.LRScheduler}, that changes the groups' learning rates at every
 * step:
 *
 * <pre>{@code
 * ParamGroups groups = ParamGroups.of(ParamGroup.sgd(0.1, 0.9));
 * LRScheduler scheduler = new StepLR(30, 0.1).attach(groups);
 * for (int epoch = 0; epoch < 90; epoch++) {
 *   // train one epoch with groups.get(0).lr()
 *   scheduler.step();
 * }
 * }</pre>
 */
@NullMarked
package io.github.dl4jtorch.schedules;

import org.jspecify.annotations.NullMarked;
