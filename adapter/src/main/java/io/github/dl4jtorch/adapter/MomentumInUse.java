package io.github.dl4jtorch.adapter;

import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.schedules.MomentumKind;
import java.util.List;
import org.deeplearning4j.nn.conf.serde.JsonMappers;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.core.JsonProcessingException;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;

/**
 * Reads the momentum or beta1 that an updater uses at a moment, be it fixed, set from outside or on
 * a schedule.
 */
final class MomentumInUse {

  private final IUpdater updater;
  private final @Nullable ISchedule schedule;

  MomentumInUse(IUpdater updater) {
    this.updater = updater;
    // Whether it is on a schedule is settled when the updater is made.
    this.schedule =
        updater instanceof TorchUpdater torch && torch.momentumKind() == MomentumKind.NONE
            ? writtenSchedule(torch)
            : null;
  }

  /** Finds the schedule where the updater shows it: in its written form. */
  private static @Nullable ISchedule writtenSchedule(TorchUpdater updater) {
    ObjectMapper mapper = JsonMappers.getMapper();
    JsonNode written = mapper.valueToTree(updater);
    for (String name : List.of("momentum", "beta1")) {
      JsonNode schedule = written.path(name).path("schedule");
      if (schedule.isObject()) {
        try {
          return mapper.treeToValue(schedule, ISchedule.class);
        } catch (JsonProcessingException unreadable) {
          throw new IllegalStateException(
              "the schedule of the momentum must have a written form, but "
                  + schedule
                  + " cannot be read",
              unreadable);
        }
      }
    }
    return null;
  }

  /** Returns the value at the network's counts, NaN if there is none. */
  double at(int iteration, int epoch) {
    if (schedule != null) {
      return schedule.valueAt(iteration, epoch);
    }
    return updater instanceof Nesterovs nesterovs
        ? nesterovs.currentMomentum(iteration, epoch)
        : UpdaterFields.momentum(updater);
  }
}
