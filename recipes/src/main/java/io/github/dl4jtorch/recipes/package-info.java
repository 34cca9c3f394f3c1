/**
 * Recipe files: a training's optimizer, param groups, schedule and what goes with them, in YAML or
 * JSON under PyTorch's words. Begin with {@link io.github.dl4jtorch.recipes.Recipe}.
 */
@NullMarked
package io.github.dl4jtorch.recipes;

import org.jspecify.annotations.NullMarked;
