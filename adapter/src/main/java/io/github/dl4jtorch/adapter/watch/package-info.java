/**
 * Looking at trainings: {@link io.github.dl4jtorch.adapter.watch.LearningRateMonitor} shows the
 * learning rates that one uses, {@link io.github.dl4jtorch.adapter.watch.ProgressLine} how far it
 * is, {@link io.github.dl4jtorch.adapter.watch.LrFinder} looks for a good rate.
 */
@NullMarked
package io.github.dl4jtorch.adapter.watch;

import org.jspecify.annotations.NullMarked;
