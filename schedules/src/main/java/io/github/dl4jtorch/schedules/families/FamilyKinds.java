package io.github.dl4jtorch.schedules.families;

import io.github.dl4jtorch.schedules.ScheduleKind;
import io.github.dl4jtorch.schedules.ScheduleKinds;
import java.util.List;
import java.util.stream.Stream;

/** Makes the schedules of this package known to {@code Schedule.fromMap}, as users do theirs. */
public final class FamilyKinds implements ScheduleKinds {

  /** For Java's {@link java.util.ServiceLoader}. */
  public FamilyKinds() {}

  @Override
  public List<ScheduleKind<?>> kinds() {
    return Stream.of(
            HuggingFace.KINDS,
            Timm.KINDS,
            TorchTitan.KINDS,
            SchedulesAndScaling.KINDS,
            NanoGpt.KINDS,
            Torchvision.KINDS,
            Fastai.KINDS,
            Keras.KINDS,
            Optax.KINDS,
            Composer.KINDS,
            Pix2Pix.KINDS,
            Yolov5.KINDS,
            PytorchOptimizer.KINDS,
            Papers.KINDS)
        .<ScheduleKind<?>>flatMap(List::stream)
        .toList();
  }
}
