/**
 * PyTorch's learning-rate schedulers at work in Deeplearning4j networks, over two bridges.
 *
 * <p><em>Pull</em>: a {@link io.github.dl4jtorch.adapter.TorchSchedule} is an {@code ISchedule}, so
 * a definition goes straight into a configuration, and from there into every copy that is made of
 * it; {@link io.github.dl4jtorch.adapter.NetworkSchedule} puts one into all updaters of a
 * configuration or a network. <em>Push</em>: {@link io.github.dl4jtorch.adapter.NetworkParamGroups}
 * are the param groups of a network that is being trained, and a {@link
 * io.github.dl4jtorch.adapter.SchedulerListener} steps a run on them. Pull wherever the rate
 * depends on the step alone; push what depends on a metric, and beta1 of DL4J's own Adam.
 *
 * <p>{@link io.github.dl4jtorch.adapter.EpochLoop} makes epochs where DL4J counts none, as with
 * ParallelWrapper; {@link io.github.dl4jtorch.adapter.PlateauOnScore} and {@link
 * io.github.dl4jtorch.adapter.NetworkCopySaver} are for early stopping, {@link
 * io.github.dl4jtorch.adapter.samediff.SameDiffSchedulerListener} is for SameDiff's own training.
 * {@link io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint} saves a training and goes on
 * with it. {@link io.github.dl4jtorch.adapter.watch.LearningRateMonitor} shows the rates, {@link
 * io.github.dl4jtorch.adapter.watch.LrFinder} finds one.
 */
@NullMarked
package io.github.dl4jtorch.adapter;

import org.jspecify.annotations.NullMarked;
