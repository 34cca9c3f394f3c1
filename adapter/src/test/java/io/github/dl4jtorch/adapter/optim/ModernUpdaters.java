package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.fixtures.Golden.number;
import static io.github.dl4jtorch.fixtures.Golden.numbers;

import java.util.Map;

/** Updaters from the arguments of {@code modern.py}. */
final class ModernUpdaters {

  private ModernUpdaters() {}

  @SuppressWarnings("unchecked")
  static TorchUpdater of(Map<String, Object> arguments) {
    double lr = number(arguments.getOrDefault("lr", 0.05));
    String type = (String) arguments.get("type");
    return switch (type) {
      case "Lion" -> {
        double[] betas = numbers(arguments.get("betas"));
        yield new Lion(lr).withBetas(betas[0], betas[1]);
      }
      case "Lamb" -> {
        double[] betas = numbers(arguments.get("betas"));
        Lamb lamb =
            new Lamb(lr).withBetas(betas[0], betas[1]).withEps(number(arguments.get("eps")));
        yield Boolean.TRUE.equals(arguments.get("always_adapt")) ? lamb.withAlwaysAdapt() : lamb;
      }
      case "SGDScheduleFree" ->
          averaging(
              new SGDScheduleFree(lr).withMomentum(number(arguments.get("momentum"))), arguments);
      case "AdamWScheduleFree" -> {
        double[] betas = numbers(arguments.get("betas"));
        yield averaging(
            new AdamWScheduleFree(lr)
                .withBetas(betas[0], betas[1])
                .withEps(number(arguments.get("eps"))),
            arguments);
      }
      case "Lookahead" -> of((Map<String, Object>) arguments.get("inner"));
      case "SGD" -> new TorchSGD(lr).withMomentum(number(arguments.get("momentum")));
      case "Adam" -> new TorchAdam(lr);
      default -> throw new IllegalArgumentException(type);
    };
  }

  private static <T extends ScheduleFreeUpdater<T>> T averaging(
      T updater, Map<String, Object> arguments) {
    return updater
        .withWarmupSteps((Integer) arguments.get("warmup_steps"))
        .withR(number(arguments.get("r")))
        .withWeightLrPower(number(arguments.get("weight_lr_power")));
  }
}
