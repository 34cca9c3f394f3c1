/**
 * Looking at learning rates: {@link io.github.dl4jtorch.adapter.watch.LearningRateMonitor} shows
 * those that a training uses, {@link io.github.dl4jtorch.adapter.watch.LrFinder} looks for a good
 * one.
 */
@NullMarked
package io.github.dl4jtorch.adapter.watch;

import org.jspecify.annotations.NullMarked;
