@NullMarked
package io.github.dl4jtorch.schedules;

import org.jspecify.annotations.NullMarked;
