package io.github.dl4jtorch.adapter;

import org.nd4j.linalg.learning.config.AMSGrad;
import org.nd4j.linalg.learning.config.AdaGrad;
import org.nd4j.linalg.learning.config.AdaMax;
import org.nd4j.linalg.learning.config.Adam;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.Nadam;
import org.nd4j.linalg.learning.config.Nesterovs;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;
import org.nd4j.linalg.schedule.ISchedule;

/** DL4J's updaters that have a learning rate. */
enum UpdaterKind {
  SGD,
  NESTEROVS,
  ADAM,
  AMSGRAD,
  NADAM,
  ADAMAX,
  RMSPROP,
  ADAGRAD;

  IUpdater at(double lr) {
    IUpdater updater =
        switch (this) {
          case SGD -> new Sgd();
          case NESTEROVS -> new Nesterovs(0.1, 0.8);
          case ADAM -> new Adam();
          case AMSGRAD -> new AMSGrad();
          case NADAM -> new Nadam();
          case ADAMAX -> new AdaMax();
          case RMSPROP -> new RmsProp();
          case ADAGRAD -> new AdaGrad();
        };
    updater.setLrAndSchedule(lr, null);
    return updater;
  }

  /** Not to be set for a whole network, since AdaGrad would lose it. */
  IUpdater following(ISchedule schedule) {
    IUpdater updater = at(0);
    updater.setLrAndSchedule(Double.NaN, schedule);
    return updater;
  }
}
