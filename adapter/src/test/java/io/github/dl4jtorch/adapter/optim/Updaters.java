package io.github.dl4jtorch.adapter.optim;

import static io.github.dl4jtorch.fixtures.Golden.number;
import static io.github.dl4jtorch.fixtures.Golden.numbers;

import java.util.Map;

/** Updaters from the arguments of PyTorch's constructors. */
final class Updaters {

  private Updaters() {}

  static TorchUpdater of(Map<String, Object> arguments) {
    double lr = number(arguments.get("lr"));
    String type = (String) arguments.get("type");
    return switch (type) {
      case "SGD" -> sgd(lr, arguments);
      case "Adam" -> amsgrad(betas(new TorchAdam(lr), arguments), arguments);
      case "AdamW" -> amsgrad(betas(new TorchAdamW(lr), arguments), arguments);
      case "NAdam" ->
          betas(new TorchNAdam(lr), arguments)
              .withMomentumDecay(number(arguments.get("momentum_decay")));
      case "RAdam" -> betas(new TorchRAdam(lr), arguments);
      case "Adamax" -> betas(new TorchAdamax(lr), arguments);
      case "RMSprop" -> rmsprop(lr, arguments);
      case "Adagrad" ->
          new TorchAdagrad(lr)
              .withLrDecay(number(arguments.get("lr_decay")))
              .withInitialAccumulatorValue(number(arguments.get("initial_accumulator_value")))
              .withEps(number(arguments.get("eps")));
      case "Adadelta" ->
          new TorchAdadelta(lr)
              .withRho(number(arguments.get("rho")))
              .withEps(number(arguments.get("eps")));
      default -> throw new IllegalArgumentException(type);
    };
  }

  private static TorchSGD sgd(double lr, Map<String, Object> arguments) {
    TorchSGD plain = new TorchSGD(lr);
    double momentum = number(arguments.get("momentum"));
    return Boolean.TRUE.equals(arguments.get("nesterov"))
        ? plain.withNesterovMomentum(momentum)
        : plain.withMomentum(momentum, number(arguments.getOrDefault("dampening", 0.0)));
  }

  private static TorchRMSprop rmsprop(double lr, Map<String, Object> arguments) {
    TorchRMSprop updater =
        new TorchRMSprop(lr)
            .withAlpha(number(arguments.get("alpha")))
            .withEps(number(arguments.get("eps")))
            .withMomentum(number(arguments.get("momentum")));
    return Boolean.TRUE.equals(arguments.get("centered")) ? updater.withCentering() : updater;
  }

  private static <T extends BetasUpdater<T>> T betas(T updater, Map<String, Object> arguments) {
    double[] betas = numbers(arguments.get("betas"));
    return updater.withBetas(betas[0], betas[1]).withEps(number(arguments.get("eps")));
  }

  private static <T extends AmsgradUpdater<T>> T amsgrad(T updater, Map<String, Object> arguments) {
    return Boolean.TRUE.equals(arguments.get("amsgrad")) ? updater.withAmsgrad() : updater;
  }
}
